import type { Manifest } from '../model/desired.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { fieldOf } from '../object/json.ts'

/** What waits for this object: everything in a namespace, all objects of a defined kind. */
export function dependentsOf({ ref, object }: Manifest, policy: Policy): Iterable<Declared> {
  if (ref.group === '' && ref.kind === 'Namespace') return policy.declaredIn(ref.name)
  if (ref.kind !== 'CustomResourceDefinition') return []
  const group = fieldOf(object['spec'], 'group')
  const kind = fieldOf(fieldOf(object['spec'], 'names'), 'kind')
  return policy.declaredOf(String(group), String(kind))
}
