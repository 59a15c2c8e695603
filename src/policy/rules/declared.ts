import type { Change } from '../../model/change.ts'
import type { FieldChange } from '../../model/path.ts'
import type { Declared, Policy } from '../../model/policy.ts'
import { maskChanges } from '../../object/mask.ts'
import { isPerson } from '../actors.ts'
import { isAgent } from '../agents.ts'
import { unpermitted } from '../declared-change.ts'
import { exception, insteadInGit, mayNot, summary, who } from '../reason.ts'
import type { Rule, RuleName, RuleVerdict } from '../rule.ts'
import { scaleDenied } from '../scale.ts'
import { switchedOff } from './agent-switch.ts'

/**
 * What Git declares changes through Git. Others may make it what Git says, and change the fields that an allowance gives
 * them; anything else is denied, whatever subresource it comes through:
 *
 * - create: only as Git has it;
 * - update: each field that changes must end as Git has it or be covered; finalizers, owners, labels and annotations are
 *   fields like any other, also while the object is being deleted;
 * - delete: denied. The watcher would only make it again;
 * - `scale`: a change of the replicas;
 * - `status`: what controllers report is nobody's business; metadata that comes with it is;
 * - any other subresource (a debug container, a token, an eviction, an approval): denied for people, left to the rules
 *   that follow for service accounts, as it changes nothing of what Git says.
 *
 * Only the current commit counts: the state of an older one is somebody's change like any other.
 */
export const declared: Rule = (change, policy) => {
  const found = policy.declared(change.ref)
  if (found === undefined || change.operation === 'CONNECT') return undefined
  return judgeDeclared(change, found, policy)
}

function judgeDeclared(change: Change, found: Declared, policy: Policy): RuleVerdict | undefined {
  const { operation, subresource } = change
  if (operation === 'DELETE') return deny(change, found, policy)
  if (operation === 'CREATE') {
    if (subresource === '') return byFields(change, found, policy, unpermitted(change, found, policy))
    return isPerson(change.actor, policy) ? deny(change, found, policy) : undefined
  }
  switch (subresource) {
    case '':
    case 'status':
    case 'finalize':
    case 'resize':
    case 'ephemeralcontainers':
      return byFields(change, found, policy, unpermitted(change, found, policy))
    case 'scale':
      return byFields(change, found, policy, scaleDenied(change, found, policy))
    default:
      return isPerson(change.actor, policy) ? deny(change, found, policy) : undefined
  }
}

function byFields(
  change: Change,
  found: Declared,
  policy: Policy,
  denied: readonly FieldChange[],
): RuleVerdict | undefined {
  if (denied.length > 0) return deny(change, found, policy, maskChanges(change.ref, denied))
  // Status alone is not about Git: it is not worth a word in metrics as a decision on what is declared.
  const reason = `${who(change)} leaves it as Git and the allowances have it`
  return { rule: 'declared', decision: 'allow', reason, declared: found }
}

function deny(
  change: Change,
  found: Declared,
  policy: Policy,
  changes: readonly FieldChange[] = [],
): RuleVerdict {
  const off = switchedOff(changes)
  const foreign = isAgent(change.actor, policy)
  const rule: RuleName = foreign ? 'other-source' : off === undefined ? 'declared' : 'agent-switch'
  return {
    rule,
    decision: 'deny',
    declared: found,
    changes,
    reason: mayNot(change) + why(change, found, changes, { off, foreign }) + exception(change.ref, policy),
  }
}

function why(
  change: Change,
  found: Declared,
  changes: readonly FieldChange[],
  { off, foreign }: { off: string | undefined; foreign: boolean },
): string {
  if (foreign)
    return `: it belongs to source ${found.source.name}, whose agents are others. ${insteadInGit(found, changes)}`
  const told = summary(changes)
  // The API server may cut a warning after 256 characters: the place comes before a long list of fields.
  const short = told.length <= 120
  const fields = told === '' || !short ? '' : ` (${told})`
  const rest = short ? '' : ` What differs: ${told}.`
  if (off !== undefined)
    return `${fields}: ${off} would switch the agent off for it. ${insteadInGit(found, changes)}${rest}`
  const unknown = found.canonical() === undefined && change.operation !== 'DELETE' ? UNKNOWN : ''
  return `${fields}: Git declares it. ${insteadInGit(found, changes)}${rest}${unknown}`
}

const UNKNOWN =
  ' (The API server has not yet told the guard how it stores it, so only what the manifest spells out can be matched.)'
