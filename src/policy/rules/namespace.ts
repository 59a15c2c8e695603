import type { Declared, Policy } from '../../model/policy.ts'
import { isAgent } from '../agents.ts'
import { isKind } from '../kinds.ts'
import { isPerson } from '../actors.ts'
import { mayNot, place } from '../reason.ts'
import { formatRef } from '../../object/identity.ts'
import type { Rule } from '../rule.ts'
import { getsOwner } from '../side-effects.ts'

/**
 * Deleting a namespace deletes all that is in it, so it is a change to every declared object there, whether Git declares
 * the namespace itself or not; so is ending it early through `finalize`, and a person's giving it an owner: the garbage
 * collector deletes what has none that exists. Operators that keep namespaces for tenants own them. Its labels and annotations are its own: they
 * are guarded where Git declares it.
 */
export const namespace: Rule = (change, policy) => {
  if (!isKind(change.ref, '', 'Namespace')) return undefined
  const adopted = isPerson(change.actor, policy) && getsOwner(change)
  const ends = change.operation === 'DELETE' || change.subresource === 'finalize' || adopted
  if (!ends) return undefined
  const [first, more] = held(change.ref.name, policy)
  if (first === undefined) return undefined
  const others = more === 0 ? '' : ` and ${more} more`
  const agents = isAgent(change.actor, policy) ? ' Agents that may delete it are those of its source.' : ''
  return {
    rule: 'namespace',
    decision: 'deny',
    source: first.source,
    reason: `${mayNot(change)}: Git declares ${formatRef(first.manifest.ref)}${others} in it (${place(first)}). Take them out of Git first.${agents}`,
  }
}

function held(name: string, policy: Policy): [Declared | undefined, number] {
  let first: Declared | undefined
  let more = 0
  for (const declared of policy.declaredIn(name)) {
    if (first === undefined) first = declared
    else more++
  }
  return [first, more]
}
