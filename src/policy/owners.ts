import type { ObjectRef } from '../model/identity.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { kindOf } from './kinds.ts'

/** Owners in between that Git never names: their own owner is what their name says, less what its controller put after. */
const between: { readonly [kind: string]: readonly { group: string; kind: string }[] } = {
  'apps/ReplicaSet': [
    { group: 'apps', kind: 'Deployment' },
    { group: 'argoproj.io', kind: 'Rollout' },
  ],
  'batch/Job': [
    { group: 'batch', kind: 'CronJob' },
    { group: 'keda.sh', kind: 'ScaledJob' },
  ],
}

/**
 * The declared object that this one comes from: one of its owners, or the owner of an owner that a controller made (the
 * Deployment of a ReplicaSet, the CronJob of a Job). No owner is looked up: names tell. `object` may be a Scale or be
 * missing; then only the name of `ref` does.
 */
export function declaredOwner(
  ref: ObjectRef,
  object: KubeObject | undefined,
  policy: Policy,
): Declared | undefined {
  const owners = fieldOf(object?.metadata, 'ownerReferences')
  if (Array.isArray(owners)) {
    for (const owner of owners) {
      const found = fromOwner(ref, owner, policy)
      if (found !== undefined) return found
    }
  }
  // A Scale carries no owners.
  return object === undefined || object.kind === 'Scale' ? byName(ref, policy) : undefined
}

function fromOwner({ namespace }: ObjectRef, owner: Json, policy: Policy): Declared | undefined {
  const kind = fieldOf(owner, 'kind')
  const name = fieldOf(owner, 'name')
  const apiVersion = fieldOf(owner, 'apiVersion')
  if (typeof kind !== 'string' || typeof name !== 'string' || typeof apiVersion !== 'string') return undefined
  const ref = { group: groupOf(apiVersion), kind, namespace, name }
  return policy.declared(ref) ?? policy.declared({ ...ref, namespace: '' }) ?? byName(ref, policy)
}

function byName(ref: ObjectRef, policy: Policy): Declared | undefined {
  const parents = Object.hasOwn(between, kindOf(ref)) ? between[kindOf(ref)]! : []
  const dash = ref.name.lastIndexOf('-')
  if (dash <= 0) return undefined
  const name = ref.name.slice(0, dash)
  for (const parent of parents) {
    const found = policy.declared({ ...parent, namespace: ref.namespace, name })
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether the object says that a controller owns it. */
export function isControlled(object: KubeObject | undefined): boolean {
  const owners = fieldOf(object?.metadata, 'ownerReferences')
  return Array.isArray(owners) && owners.some((owner) => fieldOf(owner, 'controller') === true)
}
