import type { Change } from '../../model/change.ts'
import type { Policy } from '../../model/policy.ts'
import { isPerson, isSystem, serviceAccount } from '../actors.ts'
import { breakGlassProblem } from '../break-glass-object.ts'
import { isBreakGlass, isGuardObject } from '../guard-objects.ts'
import { mayNot, who } from '../reason.ts'
import type { Rule, RuleVerdict } from '../rule.ts'

/**
 * What the guard consists of is changed by its installation, by Git and by itself, not by hand: its namespace and all in
 * it, its roles, definitions, webhooks and policies. System controllers do their work there as anywhere (its Pods must
 * run), and its Pods may be evicted: its disruption budget keeps one. Running a command in its Pods would hand out its
 * identity.
 *
 * Exceptions (BreakGlass) are people's to write: for a reason, for a bounded time, never for the guard's own namespace,
 * and everybody hears of it.
 */
export const guardSelf: Rule = (change, policy) => {
  if (isBreakGlass(change.ref)) return breakGlassResource(change, policy)
  if (!isGuardObject(change.ref, policy)) return undefined
  if (isSystem(change.actor, policy)) return undefined
  if (change.subresource === 'eviction') {
    const reason = "the guard's disruption budget decides on evictions"
    return { rule: 'guard-self', decision: 'allow', reason, notable: isPerson(change.actor, policy) }
  }
  return {
    rule: 'guard-self',
    decision: 'deny',
    everywhere: true,
    reason: `${mayNot(change)}: it is part of the guard. Change the guard where it was installed from; gitops-guard uninstall removes it.`,
  }
}

function breakGlassResource(change: Change, policy: Policy): RuleVerdict | undefined {
  const refuse = (why: string): RuleVerdict => ({
    rule: 'guard-self',
    decision: 'deny',
    everywhere: true,
    reason: `${mayNot(change)}: ${why}`,
  })
  const accept = (what: string): RuleVerdict => ({
    rule: 'guard-self',
    decision: 'allow',
    notable: true,
    reason: `${who(change)} ${what}`,
  })
  // A namespace that terminates takes its exceptions with it.
  if (isSystem(change.actor, policy)) return undefined
  if (!change.actor.authenticated || serviceAccount(change.actor.username) !== undefined) {
    return refuse('exceptions are opened, renewed and closed by people, never by service accounts.')
  }
  if (change.subresource !== '') return refuse('what an exception is used for is for the guard to note.')
  if (change.operation === 'DELETE') return accept('closed an exception')
  const problem = breakGlassProblem(change, policy)
  if (problem !== undefined) return refuse(problem)
  return accept(change.operation === 'CREATE' ? 'opened an exception' : 'changed an exception')
}
