import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { fieldOf } from '../object/json.ts'
import { isKind } from './kinds.ts'

/**
 * The declared object whose data a volume or a claim holds: a StatefulSet's claims bear its name and no owner, and a volume
 * names its claim. What Git declares can be made again, what they hold cannot.
 */
export function holdsDataOf(
  ref: ObjectRef,
  object: KubeObject | undefined,
  policy: Policy,
): Declared | undefined {
  if (isKind(ref, '', 'PersistentVolumeClaim')) return claimOf(ref.namespace, ref.name, policy)
  if (!isKind(ref, '', 'PersistentVolume')) return undefined
  const claim = fieldOf(object?.['spec'], 'claimRef')
  const namespace = fieldOf(claim, 'namespace')
  const name = fieldOf(claim, 'name')
  if (typeof namespace !== 'string' || typeof name !== 'string') return undefined
  return (
    policy.declared({ group: '', kind: 'PersistentVolumeClaim', namespace, name }) ??
    claimOf(namespace, name, policy)
  )
}

/** `data-db-0` of StatefulSet `db` with the claim template `data`. */
function claimOf(namespace: string, name: string, policy: Policy): Declared | undefined {
  const ordinal = /^(.+)-\d+$/.exec(name)?.[1]
  if (ordinal === undefined) return undefined
  for (const declared of policy.declaredIn(namespace)) {
    const { ref, object } = declared.manifest
    if (!isKind(ref, 'apps', 'StatefulSet') || !ordinal.endsWith(`-${ref.name}`)) continue
    const template = ordinal.slice(0, -ref.name.length - 1)
    const templates = fieldOf(object['spec'], 'volumeClaimTemplates')
    const names = (Array.isArray(templates) ? templates : []).map((each) =>
      fieldOf(fieldOf(each, 'metadata'), 'name'),
    )
    if (names.includes(template)) return declared
  }
  return undefined
}
