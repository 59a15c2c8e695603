import { refKey } from '../object/identity.ts'
import type { SyncEvent, SyncTrouble } from './events.ts'

/** A trouble, and when people are to hear of it, in milliseconds since the epoch. */
export interface TimedTrouble extends SyncTrouble {
  dueAt: number
}

/** Says once that a source is in trouble, for each trouble, and once that all of them are over. */
export class Announcer {
  readonly #source: string
  readonly #tell: (event: SyncEvent) => void
  readonly #told = new Set<string>()
  /** The trouble that people heard of last; undefined while all is well. */
  #last: SyncTrouble | undefined

  constructor(source: string, tell: (event: SyncEvent) => void) {
    this.#source = source
    this.#tell = tell
  }

  /**
   * Tells what is news at this time.
   *
   * @param settled everything is applied as Git says
   */
  look(troubles: readonly TimedTrouble[], now: number, revision: string, settled: boolean): void {
    const due = troubles.filter(({ dueAt }) => dueAt <= now)
    const news = due.filter((trouble) => !this.#told.has(idOf(trouble)))
    const ids = new Set(due.map(idOf))
    for (const id of this.#told) if (!ids.has(id)) this.#told.delete(id)
    const source = this.#source
    if (news.length > 0) {
      for (const trouble of news) this.#told.add(idOf(trouble))
      this.#last = news[0]
      this.#tell({ event: 'failing', source, revision, troubles: news })
    } else if (this.#last !== undefined && troubles.length === 0 && settled) {
      const trouble = this.#last
      this.#last = undefined
      this.#tell({ event: 'well', source, revision, trouble, afterMs: now - trouble.since })
    }
  }

  forget(): void {
    this.#told.clear()
    this.#last = undefined
  }
}

function idOf({ what, ref }: SyncTrouble): string {
  return `${what} ${refKey(ref)}`
}
