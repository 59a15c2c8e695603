import type { Origin } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'

/** Something that keeps a source from being in the cluster as Git says. */
export interface SyncTrouble {
  /** `apply`: it cannot be applied. `ready`: it is applied and does not work. `prune`: it cannot be deleted. `inventory`: nothing can be done. */
  what: 'apply' | 'ready' | 'prune' | 'inventory'
  ref: ObjectRef
  apiVersion: string
  origin?: Origin
  why: string
  /** Milliseconds since the epoch. */
  since: number
}

/** What a sync tells. */
export type SyncEvent =
  /** Everything of a commit is applied and what it dropped is gone; milliseconds since it was in force. */
  | { event: 'applied'; source: string; revision: string; objects: number; afterMs: number }
  /** One object was tried. For the log and metrics; `why` where it failed. */
  | { event: 'tried'; source: string; ref: ObjectRef; why?: string; retryMs?: number }
  | { event: 'pruned'; source: string; ref: ObjectRef }
  /** Git dropped it, and it stays. */
  | { event: 'released'; source: string; ref: ObjectRef; why: string }
  /** Another agent brings the source in from now on: so many objects are left to it. */
  | { event: 'left'; source: string; objects: number }
  /** It could not be left yet; it is tried again. */
  | { event: 'not-left'; source: string; why: string }
  /** The configuration has no such source any more: what it brought in stays, and so does the inventory. */
  | { event: 'stranded'; source: string }
  /** Troubles that people have not heard of. */
  | { event: 'failing'; source: string; revision: string; troubles: readonly SyncTrouble[] }
  /** All troubles are over; `trouble` is one that people heard of. */
  | { event: 'well'; source: string; revision: string; trouble: SyncTrouble; afterMs: number }

/** How a source stands, for `status` and metrics. */
export interface SyncReport {
  /** `elsewhere`: another replica brings it in. */
  state: 'synced' | 'progressing' | 'failing' | 'elsewhere'
  /** The commit that all of was applied last; '' where none was. */
  applied: string
  /** Objects that Git declares, and how many of them are applied as it says now. */
  declared: number
  done: number
  failing: readonly SyncTrouble[]
  unready: readonly SyncTrouble[]
  /** Dropped by Git and still there, and why. */
  pruning: readonly SyncTrouble[]
  /** What waits for something else, and for what. */
  waiting: readonly { ref: ObjectRef; why: string }[]
}
