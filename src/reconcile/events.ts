import type { Origin } from '../model/desired.ts'
import type { Finding as Difference } from '../model/finding.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Reason } from './remedy.ts'

/** What a watch says of an object; in a full list each is `added`. */
export type WatchEvent = 'added' | 'modified' | 'deleted'

/** Where a declared object stands; `undeclared` is one that Git does not name. */
export type Status =
  | 'inSync'
  | 'modified'
  | 'missing'
  | 'undeclared'
  | 'pending'
  | 'invalid'
  | 'unattainable'
  | 'unrepairable'
  | 'fight'

/** A difference that was decided about. */
export interface Finding extends Difference {
  reason: Reason
}

/** What the reconciler tells. */
export type ReconcileEvent =
  /** A difference, told once for each; `finding.remedy` says what is done about it. */
  | { event: 'drift'; finding: Finding }
  /** It is put back; milliseconds from the receipt of the change to the API server's answer. */
  | { event: 'repaired'; finding: Finding; repairedAfterMs: number }
  /** It was gone again before anything was done about it. */
  | { event: 'undone'; finding: Finding }
  /** The API server refuses the repair, and will again. Told once. */
  | { event: 'unrepairable'; finding: Finding; why: string; immutable: boolean }
  /** It comes back at once, again and again. Told once a fight. */
  | { event: 'fight'; finding: Finding; writers: [string, string]; rounds: number; resumesAt: number }
  | { event: 'fight-ended'; ref: ObjectRef; source: string }
  /** Git moved, and the agent has not brought it in its time. Told once for each object and commit. */
  | { event: 'agent-lags'; finding: Finding }
  /** The API server rejects the manifest. Told once for each manifest. */
  | { event: 'invalid'; ref: ObjectRef; source: string; origin: Origin; message: string }
  /** The API server drops these fields. Told once for each manifest. */
  | { event: 'unattainable'; ref: ObjectRef; source: string; origin: Origin; fields: readonly string[] }
  /** The agent is to be asked to reconcile its source. */
  | { event: 'nudge'; finding: Finding }
  /** Something failed; it is tried again. For the log and metrics. */
  | { event: 'failed'; ref: ObjectRef; message: string; retryMs: number }
