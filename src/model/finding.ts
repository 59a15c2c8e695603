import type { Actor } from './actor.ts'
import type { Origin } from './desired.ts'
import type { ObjectRef } from './identity.ts'
import type { FieldChange } from './path.ts'
import type { Remedy } from './violation.ts'

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
  /** What was done to Git's state. */
  changes: readonly FieldChange[]
  /** Who did it: authenticated where a review or an audit event said so, else as managedFields claim, else unknown. */
  actor: Actor
  remedy: Remedy
  reason: string
  /** When the guard received it, in milliseconds since the epoch. */
  seenAt: number
  /** When it was written, where that is known: from an audit event, or from managedFields to the second. */
  writtenAt?: number
}
