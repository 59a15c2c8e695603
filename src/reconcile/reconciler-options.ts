import type { ObjectRef } from '../model/identity.ts'
import type { Policy } from '../model/policy.ts'
import type { Definition, Progress, Refresh, Tip } from './ahead.ts'
import type { Clock } from './clock.ts'
import type { ReconcileEvent } from './events.ts'
import type { Forms } from './forms.ts'
import type { Ledger } from './ledger.ts'
import type { Objects } from './objects.ts'
import type { Bringing } from './sight.ts'

/** What a reconciler works with, and how. */
export interface ReconcilerOptions {
  policy: Policy
  objects: Objects
  forms: Forms
  progress: Progress
  git: Tip & Refresh
  /** For sources that may become others while their commit stays. */
  definition?: Definition
  ledger: Ledger
  tell: (event: ReconcileEvent) => void
  clock?: Clock
  /** Time that a source's agent gets for what may be its own doing, in milliseconds. Default: a minute. */
  graceMs?: (source: string) => number
  /** Whether this replica acts on the object: others do on the rest. */
  owns?: (key: string) => boolean
  /** Sources whose agent is asked to reconcile instead of being overwritten. */
  nudges?: (source: string) => boolean
  /** The guard brings this source in itself: no agent is waited for. */
  isAgent?: (source: string) => boolean
  /**
   * Where the guard brings a source in: whether an object's newest form is still to be brought in, or cannot be for now. It calls `check`
   * for each that it answered `now` for, when that is over.
   */
  bringing?: (source: string, ref: ObjectRef) => Bringing
  /** Objects that are worked on at the same time. */
  workers?: number
  random?: () => number
  /** For metrics, in milliseconds: how long an object waited for a worker, and how long the work took. */
  onWorked?: (waitedMs: number, workedMs: number, error: unknown) => void
}
