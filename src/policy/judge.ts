import type { Change } from '../model/change.ts'
import type { Origin } from '../model/desired.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import type { Decision, Mode, Verdict } from '../model/verdict.ts'
import { lineOf } from '../object/line-of.ts'
import { modeFor } from './modes.ts'
import { withKind } from './with-kind.ts'
import type { Rule, RuleVerdict } from './rule.ts'
import { agent } from './rules/agent.ts'
import { agentIdentity } from './rules/agent-identity.ts'
import { agentInputs } from './rules/agent-inputs.ts'
import { aggregatedRole } from './rules/aggregated-role.ts'
import { breakGlass } from './rules/break-glass.ts'
import { children } from './rules/children.ts'
import { connect } from './rules/connect.ts'
import { declared } from './rules/declared.ts'
import { definition } from './rules/definition.ts'
import { guard } from './rules/the-guard.ts'
import { guardSelf } from './rules/guard-self.ts'
import { namespace } from './rules/namespace.ts'
import { systemController } from './rules/system-controller.ts'
import { taint } from './rules/taint.ts'
import { unboundAgent } from './rules/unbound-agent.ts'
import { undeclared } from './rules/undeclared.ts'

/**
 * In this order: the first that has something to say decides. Identities and inputs of agents come before what the
 * configuration may allow (children, connects, undeclared objects), so that no allowance of these hands them out.
 */
const rules: readonly Rule[] = [
  guard,
  unboundAgent,
  agent,
  guardSelf,
  systemController,
  breakGlass,
  declared,
  namespace,
  definition,
  aggregatedRole,
  agentIdentity,
  agentInputs,
  children,
  connect,
  taint,
  undeclared,
]

/** May `before` become `after`, by this actor? From memory only, the same answer whoever asks. */
export function judge(asked: Change, policy: Policy): Verdict {
  const change = withKind(asked, policy)
  for (const rule of rules) {
    const verdict = rule(change, policy)
    if (verdict !== undefined) return finish(verdict, change, policy)
  }
  return finish(notManaged, change, policy)
}

const notManaged: RuleVerdict = {
  rule: 'not-managed',
  decision: 'allow',
  reason: 'nothing of what Git declares is touched',
}

function finish(verdict: RuleVerdict, change: Change, policy: Policy): Verdict {
  const { rule, decision, reason, changes = [], declared, notable } = verdict
  const source = declared?.source ?? verdict.source
  return {
    decision: decision === 'allow' ? decision : soften(decision, modeFor(verdict, change.ref, policy)),
    enforced: decision,
    rule,
    reason,
    changes,
    ...(source === undefined ? {} : { source: source.name }),
    ...(declared === undefined ? {} : { origin: originOf(declared, changes) }),
    ...(notable === true ? { notable } : {}),
  }
}

/** Where in Git to look: the line of the first field that changes. */
function originOf({ manifest }: Declared, [first]: readonly FieldChange[]): Origin {
  return first === undefined ? manifest.origin : { ...manifest.origin, line: lineOf(manifest, first.path) }
}

function soften(decision: Decision, mode: Mode): Decision {
  if (mode === 'audit') return 'allow'
  return mode === 'warn' ? 'warn' : decision
}
