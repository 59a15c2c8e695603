import type { Change } from '../../model/change.ts'
import type { BreakGlass, Policy } from '../../model/policy.ts'
import { isInScope } from '../break-glass-scope.ts'
import { isGuardObject, isBreakGlass } from '../guard-objects.ts'
import { who } from '../reason.ts'
import type { Rule } from '../rule.ts'
import { agentIdentity } from './agent-identity.ts'

/**
 * An exception that is open covers the objects that it names, or its whole namespace, until it ends: people may then
 * change them by hand, and others hear of it. It covers nothing outside its namespace, nothing of the guard's, and never
 * lets anybody take an identity that the guard trusts.
 */
export const breakGlass: Rule = (change, policy) => {
  if (!change.actor.authenticated || policy.breakGlass.length === 0) return undefined
  const open = policy.breakGlass.find((each) => covers(each, change, policy))
  if (open === undefined || agentIdentity(change, policy)?.decision === 'deny') return undefined
  const declared = policy.declared(change.ref)
  const until = new Date(open.expiresAt).toISOString()
  return {
    rule: 'break-glass',
    decision: 'allow',
    notable: true,
    reason: `${who(change)} uses the exception ${open.name} (${open.reason}), open until ${until}`,
    ...(declared === undefined ? {} : { declared }),
  }
}

function covers(open: BreakGlass, change: Change, policy: Policy): boolean {
  const { ref } = change
  if (change.time >= open.expiresAt || !isInScope(open, ref)) return false
  return !isGuardObject(ref, policy) && !isBreakGlass(ref)
}
