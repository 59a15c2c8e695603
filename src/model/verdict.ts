import type { FieldChange } from './path.ts'
import type { Origin } from './desired.ts'

export type Mode = 'enforce' | 'warn' | 'audit'
export type Decision = 'allow' | 'warn' | 'deny'

/** The answer to "may before become after, by this actor?". */
export interface Verdict {
  decision: Decision
  /** Name of the rule that decided: stable, used in metrics and documentation. */
  rule: string
  /** For the person who asked: what was refused, why, and what to do instead. Plain text, no secrets. */
  reason: string
  /** The changes that no one allowed; empty when allowed. Secret values are masked. */
  changes: readonly FieldChange[]
  /** The source and place in Git that hold the object, where one does. */
  source?: string
  origin?: Origin
  /** What the answer would have been in `enforce`; differs from `decision` in `warn` and `audit`. */
  enforced: Decision
  /** True where people should hear of it even though it was allowed (break-glass, connects). */
  notable?: boolean
}
