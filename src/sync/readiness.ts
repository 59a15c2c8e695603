import type { Json, KubeObject } from '../model/json.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'

/** Whether an object does what it was made for. */
export type Readiness =
  | { ready: true }
  /** `failed`: it will not become ready by itself. */
  | { ready: false; why: string; failed: boolean }

const READY: Readiness = { ready: true }

/**
 * Reads an object's own status: what its controller says of the newest generation. The rules are those that people know from
 * kstatus (sigs.k8s.io/cli-utils, pkg/kstatus/status): a kind without rules is ready unless a condition says otherwise.
 */
export function readinessOf(object: KubeObject): Readiness {
  const { deletionTimestamp, generation } = object.metadata
  if (deletionTimestamp !== undefined) return not('it is being deleted')
  const observed = fieldOf(object['status'], 'observedGeneration')
  if (typeof observed === 'number' && typeof generation === 'number' && observed < generation)
    return not('its controller has not seen its newest form yet')
  const rule = rules.get(`${groupOf(object.apiVersion)}/${object.kind}`)
  return rule === undefined ? general(object) : rule(object)
}

const rules = new Map<string, (object: KubeObject) => Readiness>([
  ['apps/Deployment', deployment],
  ['apps/StatefulSet', statefulSet],
  ['apps/DaemonSet', daemonSet],
  ['apps/ReplicaSet', replicaSet],
  ['batch/Job', job],
  ['/Pod', pod],
  ['/PersistentVolumeClaim', claim],
  ['/Namespace', namespace],
  ['apiextensions.k8s.io/CustomResourceDefinition', definition],
  ['apiregistration.k8s.io/APIService', (object) => wants(object, 'Available')],
])

function deployment(object: KubeObject): Readiness {
  const progressing = condition(object, 'Progressing')
  if (fieldOf(progressing, 'reason') === 'ProgressDeadlineExceeded') return failed(progressing)
  const { wanted, total, updated, available } = replicas(object)
  if (!hasStatus(object)) return not('its controller has not seen it yet')
  if (updated < wanted) return not(`${updated} of ${wanted} replicas are of the newest form`)
  if (total > updated) return not(`${total - updated} replicas of an older form still run`)
  if (available < wanted) return not(`${available} of ${wanted} replicas are available`)
  return READY
}

function statefulSet(object: KubeObject): Readiness {
  const strategy = fieldOf(object['spec'], 'updateStrategy')
  if (fieldOf(strategy, 'type') === 'OnDelete') return READY
  if (!hasStatus(object)) return not('its controller has not seen it yet')
  const { wanted, ready, updated } = replicas(object)
  if (ready < wanted) return not(`${ready} of ${wanted} replicas are ready`)
  const partition = number(fieldOf(fieldOf(strategy, 'rollingUpdate'), 'partition'), 0)
  const due = Math.max(0, wanted - partition)
  if (updated < due) return not(`${updated} of ${due} replicas are of the newest form`)
  return READY
}

function daemonSet(object: KubeObject): Readiness {
  const { status } = object
  const wanted = fieldOf(status, 'desiredNumberScheduled')
  if (typeof wanted !== 'number') return not('its controller has not seen it yet')
  const updated = number(fieldOf(status, 'updatedNumberScheduled'), 0)
  const available = number(fieldOf(status, 'numberAvailable'), 0)
  const onDelete = fieldOf(fieldOf(object['spec'], 'updateStrategy'), 'type') === 'OnDelete'
  if (!onDelete && updated < wanted) return not(`${updated} of ${wanted} Pods are of the newest form`)
  if (available < wanted) return not(`${available} of ${wanted} Pods are available`)
  return READY
}

function replicaSet(object: KubeObject): Readiness {
  const { wanted, available } = replicas(object)
  return available < wanted ? not(`${available} of ${wanted} replicas are available`) : READY
}

/** One that runs is as it should be: how long it takes is its own affair. */
function job(object: KubeObject): Readiness {
  const broken = condition(object, 'Failed')
  if (isTrue(broken)) return failed(broken)
  if (isTrue(condition(object, 'Complete')) || fieldOf(object['spec'], 'suspend') === true) return READY
  return fieldOf(object['status'], 'startTime') === undefined ? not('it has not started') : READY
}

function pod(object: KubeObject): Readiness {
  const phase = fieldOf(object['status'], 'phase')
  if (phase === 'Succeeded') return READY
  if (phase === 'Failed') return { ready: false, failed: true, why: 'its containers failed' }
  return wants(object, 'Ready')
}

function claim(object: KubeObject): Readiness {
  const phase = fieldOf(object['status'], 'phase')
  return phase === 'Bound' ? READY : not(`it is ${typeof phase === 'string' ? phase : 'not bound'}`)
}

function namespace(object: KubeObject): Readiness {
  return fieldOf(object['status'], 'phase') === 'Terminating' ? not('it is being deleted') : READY
}

function definition(object: KubeObject): Readiness {
  const names = condition(object, 'NamesAccepted')
  return fieldOf(names, 'status') === 'False' ? failed(names) : wants(object, 'Established')
}

/** Conditions that many controllers share. */
function general(object: KubeObject): Readiness {
  const stalled = condition(object, 'Stalled')
  if (isTrue(stalled)) return failed(stalled)
  const reconciling = condition(object, 'Reconciling')
  if (isTrue(reconciling)) return not(text(reconciling))
  const ready = condition(object, 'Ready')
  return ready === undefined || isTrue(ready) ? READY : not(text(ready))
}

function wants(object: KubeObject, type: string): Readiness {
  const found = condition(object, type)
  if (isTrue(found)) return READY
  return not(found === undefined ? `it is not ${type} yet` : text(found))
}

function condition(object: KubeObject, type: string): Json | undefined {
  const all = fieldOf(object['status'], 'conditions')
  return Array.isArray(all) ? all.find((one) => fieldOf(one, 'type') === type) : undefined
}

function isTrue(found: Json | undefined): boolean {
  return fieldOf(found, 'status') === 'True'
}

/** `FailedCreate: pods "x" is forbidden`. */
function text(found: Json | undefined): string {
  const parts = [fieldOf(found, 'reason'), fieldOf(found, 'message')]
  return parts.filter((part) => typeof part === 'string' && part !== '').join(': ') || 'it is not ready'
}

function failed(found: Json | undefined): Readiness {
  return { ready: false, failed: true, why: text(found) }
}

function not(why: string): Readiness {
  return { ready: false, failed: false, why }
}

function hasStatus(object: KubeObject): boolean {
  return typeof fieldOf(object['status'], 'observedGeneration') === 'number'
}

function replicas(object: KubeObject) {
  const { spec, status } = object
  return {
    wanted: number(fieldOf(spec, 'replicas'), 1),
    total: number(fieldOf(status, 'replicas'), 0),
    updated: number(fieldOf(status, 'updatedReplicas'), 0),
    ready: number(fieldOf(status, 'readyReplicas'), 0),
    available: number(fieldOf(status, 'availableReplicas'), 0),
  }
}

function number(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
