import type { ObjectRef } from '../model/identity.ts'
import type { BreakGlass } from '../model/policy.ts'

/**
 * Whether an exception is about this object: one that it names, or any of its namespace where it names none. Never one of the
 * cluster, which is in no namespace. Whether it is open is not asked.
 */
export function isInScope(
  { namespace, objects }: Pick<BreakGlass, 'namespace' | 'objects'>,
  ref: ObjectRef,
): boolean {
  if (ref.namespace === '' || namespace !== ref.namespace) return false
  return (
    objects.length === 0 ||
    objects.some(({ group, kind, name }) => group === ref.group && kind === ref.kind && name === ref.name)
  )
}
