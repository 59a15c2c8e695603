import type { Manifest } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'

/** A source's new commit, in force from now on. */
export interface DesiredChange {
  source: string
  revision: string
  /** When the commit was made, in milliseconds since the epoch. */
  committedAt: number
  added: readonly ObjectRef[]
  /** What changed, with the manifest that was in force before. */
  changed: readonly { ref: ObjectRef; before: Manifest }[]
  removed: readonly ObjectRef[]
}
