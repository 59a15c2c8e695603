import type { Change } from '../model/change.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy, SourcePolicy } from '../model/policy.ts'
import type { Decision } from '../model/verdict.ts'

/** What a rule says of a change: undefined where it does not concern it. */
export type Rule = (change: Change, policy: Policy) => RuleVerdict | undefined

export interface RuleVerdict {
  /** Stable name: metrics, documentation and messages use it. */
  rule: RuleName
  /** What the answer is in `enforce`. */
  decision: Decision
  reason: string
  /** The changes that nobody allowed. Secret values masked. */
  changes?: readonly FieldChange[]
  /** The declared object it is about: its source's mode applies and its place in Git is told. */
  declared?: Declared
  /** The source it is about, where no declared object tells. */
  source?: SourcePolicy
  notable?: boolean
  /** True where the guard protects itself or identities it trusts: the strictest mode of all applies. */
  everywhere?: boolean
}

export const ruleNames = [
  'guard',
  'agent',
  'other-source',
  'guard-self',
  'system-controller',
  'break-glass',
  'declared',
  'namespace',
  'definition',
  'aggregated-role',
  'children',
  'connect',
  'agent-identity',
  'agent-inputs',
  'agent-switch',
  'taint',
  'undeclared',
  'not-managed',
] as const
export type RuleName = (typeof ruleNames)[number]
