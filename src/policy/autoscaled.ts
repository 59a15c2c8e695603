import type { ObjectRef } from '../model/identity.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { groupOf, refKey } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { accountUser } from './actors.ts'

/** Who scales a workload because Git says so. */
export interface Autoscaler {
  /** For people: `HorizontalPodAutoscaler web`. */
  name: string
  users: readonly string[]
}

export const autoscalerUser = accountUser('kube-system', 'horizontal-pod-autoscaler')

/** Kinds that scale what they name in spec.scaleTargetRef, and the accounts that then write its replicas. */
const kinds = [
  { group: 'autoscaling', kind: 'HorizontalPodAutoscaler', users: [autoscalerUser] },
  // KEDA makes a HorizontalPodAutoscaler, and scales from and to zero itself (pkg/scaling/executor/scale_scaledobjects.go).
  { group: 'keda.sh', kind: 'ScaledObject', users: [autoscalerUser, accountUser('keda', 'keda-operator')] },
]

const indexes = new WeakMap<Policy, Map<string, Autoscaler>>()

/** The autoscaler that Git declares for a workload, if it does. */
export function autoscalerOf(ref: ObjectRef, policy: Policy): Autoscaler | undefined {
  let index = indexes.get(policy)
  if (index === undefined) indexes.set(policy, (index = build(policy)))
  return index.get(refKey(ref))
}

function build(policy: Policy): Map<string, Autoscaler> {
  const index = new Map<string, Autoscaler>()
  for (const { group, kind, users } of kinds) {
    for (const { manifest } of policy.declaredOf(group, kind)) {
      const target = scaleTarget(manifest.object)
      if (target === undefined) continue
      const key = refKey({ ...target, namespace: manifest.ref.namespace })
      index.set(key, { name: `${kind} ${manifest.ref.name}`, users })
    }
  }
  return index
}

/** What an autoscaler scales, or whose resources it sets: group, kind and name. KEDA's target is a Deployment where it names no kind. */
export function scaleTarget(object: KubeObject): { group: string; kind: string; name: string } | undefined {
  const target = fieldOf(object['spec'], 'scaleTargetRef') ?? fieldOf(object['spec'], 'targetRef')
  const name = text(fieldOf(target, 'name'))
  if (name === undefined) return undefined
  const kind = text(fieldOf(target, 'kind'))
  const apiVersion = text(fieldOf(target, 'apiVersion')) ?? (kind === undefined ? 'apps/v1' : '')
  return { group: groupOf(apiVersion), kind: kind ?? 'Deployment', name }
}

const text = (value: Json | undefined) => (typeof value === 'string' && value !== '' ? value : undefined)
