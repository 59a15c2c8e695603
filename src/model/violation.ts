import type { Operation } from './change.ts'
import type { Decision } from './verdict.ts'
import type { FieldOp } from './path.ts'

export type ViolationEvent =
  | 'denied'
  | 'warned'
  | 'audited'
  | 'drift'
  | 'repaired'
  | 'unrepairable'
  | 'break-glass'
  /** The guard cannot do all of its work: Git is out of reach, a watch is stale. */
  | 'trouble'
  /** What was told of before (drift, a fight, a lagging agent, trouble) is over. */
  | 'resolved'

/** How much it matters that somebody looks at it now. */
export type Severity = 'critical' | 'warning' | 'info'

/** A change denied or that would have been, or drift: as others receive it (contract of the `webhook` provider). */
export interface Violation {
  id: string
  /** RFC 3339, UTC. */
  time: string
  event: ViolationEvent
  verdict: Decision
  rule: string
  reason: string
  operation: Operation
  subresource: string
  actor: { username: string; groups: readonly string[]; authenticated: boolean }
  object: { apiVersion: string; kind: string; namespace: string; name: string }
  source?: string
  origin?: { file: string; line: number; revision: string }
  /** Path a JSON Pointer; Secret values masked. */
  changes: readonly ReportedChange[]
  /** What is done about it: none, wait, alert, nudge, repair. */
  remedy: Remedy
  repairedAfterMs?: number
  /** Who owns the object, as Git says: the manifest's annotation, else CODEOWNERS. Names such as `@org/team`, or e-mail addresses. */
  owners?: readonly string[]
}

export type Remedy = 'none' | 'wait' | 'alert' | 'nudge' | 'repair'

/** A difference as people and scripts read it. Values are absent where there is none. */
export interface ReportedChange {
  path: string
  op: FieldOp
  desired?: unknown
  live?: unknown
}
