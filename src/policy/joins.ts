import type { ObjectRef } from '../model/identity.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { equalJson, fieldOf } from '../object/json.ts'
import { hasLabels, selectsLabels } from '../object/label-selector.ts'
import { isKind, isWorkload, kindOf } from './kinds.ts'

/**
 * The declared object that takes a Pod for its own by the Pod's labels alone: a Service sends it traffic, a workload's
 * controller adopts it and removes another for it. `before` is the same object before: labels that it had then are not news.
 * A workload counts as the Pods that it makes.
 */
export function joins(
  ref: ObjectRef,
  { before, after }: { before: KubeObject | undefined; after: KubeObject | undefined },
  policy: Policy,
): Declared | undefined {
  if (after === undefined || !isWorkload(ref)) return undefined
  const labels = podLabels(ref, after)
  if (labels === undefined) return undefined
  if (before !== undefined && equalJson(podLabels(ref, before) ?? null, labels)) return undefined
  for (const declared of policy.declaredIn(ref.namespace)) {
    if (!selectsPods(declared, labels)) continue
    const knew = before !== undefined && selectsPods(declared, podLabels(ref, before) ?? null)
    if (!knew) return declared
  }
  return undefined
}

function podLabels(ref: ObjectRef, object: KubeObject): Json | undefined {
  if (isKind(ref, '', 'Pod')) return fieldOf(object.metadata, 'labels')
  const spec = object['spec']
  const made = isKind(ref, 'batch', 'CronJob') ? fieldOf(fieldOf(spec, 'jobTemplate'), 'spec') : spec
  return fieldOf(fieldOf(fieldOf(made, 'template'), 'metadata'), 'labels')
}

/** Kinds whose selector is a map of labels, and those whose it is a label selector. */
const byMap = new Set(['Service', 'ReplicationController'])
const bySelector = new Set([
  'apps/Deployment',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/ReplicaSet',
  'argoproj.io/Rollout',
])

function selectsPods({ manifest }: Declared, labels: Json): boolean {
  const selector = fieldOf(manifest.object['spec'], 'selector')
  if (typeof selector !== 'object' || selector === null || Object.keys(selector).length === 0) return false
  const kind = kindOf(manifest.ref)
  return byMap.has(kind)
    ? hasLabels(labels, selector)
    : bySelector.has(kind) && selectsLabels(selector, labels)
}
