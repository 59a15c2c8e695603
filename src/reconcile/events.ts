import type { Actor } from '../model/actor.ts'
import type { Origin } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { FieldChange } from '../model/path.ts'
import type { Remedy } from '../model/violation.ts'
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

/** A difference between Git and the cluster, with all that a message about it needs. */
export interface Finding {
  /** The same in everything that is said about this difference. */
  id: string
  ref: ObjectRef
  apiVersion: string
  drift: 'modified' | 'missing' | 'undeclared'
  source: string
  /** Absent for what Git does not name. */
  origin?: Origin
  /** What was done to Git's state; a Secret's values are masked. */
  changes: readonly FieldChange[]
  /** Who did it: authenticated where a review or an audit event said so, else as managedFields claim, else unknown. */
  actor: Actor
  remedy: Remedy
  reason: Reason
  /** When the guard received it, in milliseconds since the epoch. */
  seenAt: number
  /** When it was written, where that is known: from an audit event, or from managedFields to the second. */
  writtenAt?: number
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
