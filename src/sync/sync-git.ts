import type { DesiredState } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'

/** What a sync knows of Git. */
export interface SyncGit {
  /** The source's commit in force; undefined before the first. */
  state(): DesiredState | undefined
  /** The source that holds an object, where any declares it. */
  holderOf(ref: ObjectRef): string | undefined
  /** Whether every source was read. */
  complete(): boolean
  /** Asks Git now; resolves with whether it answered and what it has is in force. */
  refresh(): Promise<boolean>
}
