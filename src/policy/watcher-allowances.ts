import type { ObjectRef } from '../model/identity.ts'
import type { Allowance, Declared, Policy } from '../model/policy.ts'
import { fieldOf } from '../object/json.ts'
import { selects } from '../object/selectors.ts'
import { autoscalerOf, autoscalerUser, type Autoscaler } from './autoscaled.ts'
import { concerns } from './jobs.ts'
import { kindOf } from './kinds.ts'
import { isFor } from './named-by.ts'
import {
  controllerManager,
  nodeGroup,
  systemControllers,
  type SystemController,
  type SystemJob,
} from './system-controllers.ts'

const cache = new WeakMap<Policy, WeakMap<Declared, readonly Allowance[]>>()

/**
 * Every allowance for a declared object: those of the configuration, the jobs of system controllers, and the replicas
 * that an autoscaler keeps. Admission judges by them and the watcher compares by them, so that neither undoes what the
 * other let through.
 */
export function watcherAllowances(policy: Policy, declared: Declared): readonly Allowance[] {
  let known = cache.get(policy)
  if (known === undefined) cache.set(policy, (known = new WeakMap()))
  let allowances = known.get(declared)
  if (allowances === undefined) {
    allowances = [
      ...configured(policy, declared.manifest.ref),
      ...jobAllowances(policy, declared),
      ...replicaAllowances(policy, declared),
    ]
    // Until the canonical form is known, conditions on it may still change.
    if (declared.canonical() !== undefined) known.set(declared, allowances)
  }
  return allowances
}

const byKind = new WeakMap<readonly Allowance[], Map<string, readonly Allowance[]>>()

/** Those of the configuration that select an object. Of a hundred, few are for its kind: looked for once a kind. */
function configured(policy: Policy, ref: ObjectRef): readonly Allowance[] {
  const { allowances } = policy
  let kinds = byKind.get(allowances)
  if (kinds === undefined) byKind.set(allowances, (kinds = new Map()))
  const kind = kindOf(ref)
  let ofKind = kinds.get(kind)
  if (ofKind === undefined) {
    const { group } = ref
    ofKind = allowances.filter(({ objects: { kinds } }) =>
      selects(kinds === undefined ? {} : { kinds }, { group, kind: ref.kind, namespace: '', name: '' }),
    )
    kinds.set(kind, ofKind)
  }
  return ofKind.filter((allowance) => isFor(allowance, ref, policy))
}

/** System controllers with the jobs that change fields of a kind. */
const writers = new Map<string, readonly { controller: SystemController; job: SystemJob; index: number }[]>()

function writersOf(kind: string): readonly { controller: SystemController; job: SystemJob; index: number }[] {
  let found = writers.get(kind)
  if (found === undefined) {
    found = systemControllers.flatMap((controller) =>
      controller.jobs.flatMap((job, index) => {
        const writes = job.operations.includes('UPDATE') && job.fields !== undefined && job.fields.length > 0
        return writes && (job.kinds.includes(kind) || job.kinds.includes('*'))
          ? [{ controller, job, index }]
          : []
      }),
    )
    writers.set(kind, found)
  }
  return found
}

/** One allowance for each job and identity: kept, so that their patterns are compiled once. */
const made = new Map<string, Allowance>()

function jobAllowances(policy: Policy, declared: Declared): Allowance[] {
  const object = declared.canonical()?.object ?? declared.manifest.object
  return writersOf(kindOf(declared.manifest.ref)).flatMap(({ controller, job, index }) => {
    if (!concerns(job, declared.manifest.ref, object)) return []
    const shared = policy.sharedControllerIdentity && sharesIdentity(controller)
    const key = `${controller.name}/${index}/${shared}`
    let allowance = made.get(key)
    if (allowance === undefined) {
      allowance = {
        name: `system:${controller.name}`,
        reason: job.reason,
        users: shared ? [...controller.users, controllerManager] : controller.users,
        ...(controller.name === 'kubelet' ? { groups: [nodeGroup] } : {}),
        objects: {},
        fields: job.fields!,
        ...(job.onlyRecorded === true ? { onlyRecorded: true } : {}),
      }
      made.set(key, allowance)
    }
    return [allowance]
  })
}

/** Controllers that all run as the controller manager where each has no account of its own. */
function sharesIdentity({ users }: SystemController): boolean {
  return users.some((user) => user.startsWith('system:serviceaccount:kube-system:'))
}

const undeclaredReplicas = (shared: boolean): Allowance => ({
  name: 'autoscaler',
  reason: 'Git leaves the replicas out, so an autoscaler may set them',
  users: shared ? [autoscalerUser, controllerManager] : [autoscalerUser],
  objects: {},
  fields: ['/spec/replicas'],
  unlessDeclared: true,
})
const leftOut = { own: undeclaredReplicas(false), shared: undeclaredReplicas(true) }

const declaredReplicas = new WeakMap<Autoscaler, Allowance>()

function replicaAllowances(policy: Policy, declared: Declared): Allowance[] {
  const { ref, object } = declared.manifest
  const autoscaler = autoscalerOf(ref, policy)
  if (autoscaler !== undefined) {
    let allowance = declaredReplicas.get(autoscaler)
    if (allowance === undefined) {
      const { name, users } = autoscaler
      allowance = {
        name: 'autoscaler',
        reason: `Git declares ${name} to scale it`,
        users: policy.sharedControllerIdentity ? [...users, controllerManager] : users,
        objects: {},
        fields: ['/spec/replicas'],
      }
      declaredReplicas.set(autoscaler, allowance)
    }
    return [allowance]
  }
  const canonical = declared.canonical()?.object ?? object
  const scales = ref.group === 'apps' || fieldOf(canonical['spec'], 'replicas') !== undefined
  return scales ? [policy.sharedControllerIdentity ? leftOut.shared : leftOut.own] : []
}
