import type { Change } from '../../model/change.ts'
import type { Policy } from '../../model/policy.ts'
import { isPerson, isSystem, serviceAccount } from '../actors.ts'
import { breakGlassProblem, ownExceptions } from '../break-glass-object.ts'
import { takesOver } from '../flow-schema.ts'
import { isBreakGlass, isGuardObject } from '../guard-objects.ts'
import { isKind } from '../kinds.ts'
import { mayNot, who } from '../reason.ts'
import type { Rule, RuleVerdict } from '../rule.ts'
import { escapeText } from '../../object/text.ts'
import { fieldOf } from '../../object/json.ts'
import { formatRef } from '../../object/identity.ts'

/**
 * What the guard consists of is changed by its installation, by Git and by itself, not by hand: its namespace and all in
 * it, its roles, definitions, webhooks and policies. System controllers do their work there as anywhere (its Pods must
 * run), and its Pods may be evicted: its disruption budget keeps one. Running a command in its Pods would hand out its
 * identity; its HTTP port may be looked at.
 *
 * A FlowSchema by a person that would queue the guard's requests elsewhere than its own does is part of it: it decides how
 * soon the guard puts anything back.
 *
 * Exceptions (BreakGlass) are people's to write: for a reason, for a bounded time, and everybody hears of it. In the
 * guard's own namespace there are two, and RBAC there says who may open them: one by which it steps down to be
 * uninstalled, and one under which whoever opened it may change the guard.
 */
export const guardSelf: Rule = (change, policy) => {
  if (isBreakGlass(change.ref)) return breakGlassResource(change, policy)
  const starved = starves(change, policy)
  if (starved !== undefined) return starved
  if (!isGuardObject(change.ref, policy)) return undefined
  if (isSystem(change.actor, policy)) return undefined
  if (isScreen(change)) return { rule: 'guard-self', decision: 'allow', reason: 'the guard shows itself' }
  const upgrade = upgradeBy(change, policy)
  if (upgrade !== undefined) return upgrade
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

/**
 * Its HTTP port through the API server's proxy, as `gitops-guard status` and `violations` go: read-only, and what names people
 * takes a token. Not the port of reviews: who reaches that could tell the guard what never happened.
 */
function isScreen({ operation, subresource, ref }: Change): boolean {
  return operation === 'CONNECT' && subresource === 'proxy' && /^[^:]+:(8080|http)$/.test(ref.name)
}

function starves(change: Change, policy: Policy): RuleVerdict | undefined {
  const { ref, actor, before, after } = change
  if (!isKind(ref, 'flowcontrol.apiserver.k8s.io', 'FlowSchema') || !isPerson(actor, policy)) return undefined
  if (change.subresource !== '' || isGuardObject(ref, policy)) return undefined
  if (!takesOver(after, policy.guard) || takesOver(before, policy.guard)) return undefined
  return {
    rule: 'guard-self',
    decision: 'deny',
    everywhere: true,
    reason: `${mayNot(change)}: it would queue the guard's requests elsewhere than its own FlowSchema. Give it a matchingPrecedence above 1000, or other subjects.`,
  }
}

/** Whoever opened the exception `upgrade`, until it ends. Not into the Pods: what the guard is changes by its objects. */
function upgradeBy(
  { actor, operation, time }: Change,
  { breakGlass, guard }: Policy,
): RuleVerdict | undefined {
  if (!actor.authenticated || operation === 'CONNECT') return undefined
  const open = breakGlass.find(
    ({ name, namespace, openedBy, expiresAt }) =>
      name === ownExceptions.upgrade &&
      namespace === guard.namespace &&
      openedBy === actor.username &&
      time < expiresAt,
  )
  if (open === undefined) return undefined
  const reason = `${escapeText(actor.username, 80)} upgrades the guard (${escapeText(open.reason, 200)})`
  return { rule: 'break-glass', decision: 'allow', notable: true, reason }
}

function breakGlassResource(change: Change, policy: Policy): RuleVerdict | undefined {
  const refuse = (why: string): RuleVerdict => ({
    rule: 'guard-self',
    decision: 'deny',
    everywhere: true,
    reason: `${mayNot(change)}: ${why}`,
  })
  const accept = (what: string): RuleVerdict => ({
    rule: 'break-glass',
    decision: 'allow',
    notable: true,
    reason: `${who(change)} ${what}${terms(change)}`,
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

/** What it covers, why and until when: for those who hear of it. */
function terms({ ref, before, after }: Change): string {
  const spec = fieldOf(after ?? before, 'spec')
  const objects = fieldOf(spec, 'objects')
  const named = (Array.isArray(objects) ? objects : []).map((each) => {
    return `${String(fieldOf(each, 'kind'))} ${String(fieldOf(each, 'name'))}`
  })
  const shown = named.length > 8 ? [...named.slice(0, 8), `${named.length - 8} more`] : named
  const what = shown.length === 0 ? `everything in namespace ${ref.namespace}` : shown.join(', ')
  const why = escapeText(String(fieldOf(spec, 'reason') ?? ''), 300)
  const until = escapeText(String(fieldOf(spec, 'expiresAt') ?? ''), 40)
  return ` ${formatRef(ref)} for ${escapeText(what, 500)} until ${until}: ${why}`
}
