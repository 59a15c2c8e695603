import type { Violation } from '../model/violation.ts'
import { Journal } from './journal.ts'
import { readHistory } from './read-history.ts'
import { matchesFilter, type ViolationFilter } from './violation-filter.ts'

export interface HistoryOptions {
  /** Its own folder. Absent: in memory, and lost with the process. */
  directory?: string
  /** Bytes on disk; beyond that the oldest go. Default 32 MiB, about 30,000 violations. */
  maxBytes?: number
  /** Bytes of one file. */
  segmentBytes?: number
  /** Milliseconds after which they go. Default 30 days. */
  maxAgeMs?: number
  /** How many are kept without a folder, and while the disk takes none. Default 1000. */
  inMemory?: number
  onProblem?(problem: string, error?: unknown): void
}

const DAY = 24 * 3600_000
const TIDY_MS = 3600_000

/**
 * What was violated, for those who ask later. An append is one write, as the outbox does it: it outlives the process. Reading
 * goes through the files, newest first, and lets others work in between.
 */
export class ViolationHistory {
  readonly #directory: string | undefined
  readonly #journal: Journal
  readonly #maxAgeMs: number
  readonly #timer: NodeJS.Timeout
  readonly #listeners = new Set<(violation: Violation) => void>()

  /** @throws Error where the folder cannot be made or read. */
  constructor({ directory, maxBytes, segmentBytes, maxAgeMs, inMemory, onProblem }: HistoryOptions) {
    this.#directory = directory
    this.#maxAgeMs = maxAgeMs ?? 30 * DAY
    this.#journal = new Journal({
      what: 'the history of violations',
      maxBytes: maxBytes ?? 32 << 20,
      maxUnsaved: inMemory ?? 1000,
      ...(directory === undefined ? {} : { directory }),
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
      ...(onProblem === undefined ? {} : { onProblem }),
    })
    this.#tidy()
    this.#timer = setInterval(() => this.#tidy(), TIDY_MS)
    this.#timer.unref()
  }

  /** On disk when it returns. Never waits, never throws. */
  append(violation: Violation): void {
    this.#journal.append(violation)
    for (const listener of this.#listeners) listener(violation)
  }

  /** How many there ever were: another number means that there are others to read. */
  get count(): number {
    return this.#journal.lastSeq
  }

  /** Tells each that comes, until the function that is returned is called. */
  listen(listener: (violation: Violation) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Those that match, newest first. */
  async *read(filter: ViolationFilter = {}): AsyncGenerator<Violation, void, undefined> {
    const notBefore = Math.max(filter.since ?? 0, Date.now() - this.#maxAgeMs)
    const memory = this.#journal.unsaved.map(({ violation }) => violation).reverse()
    for (const violation of memory) {
      if (matchesFilter(violation, { ...filter, since: notBefore })) yield violation
    }
    if (this.#directory === undefined) return
    for await (const violation of readHistory(this.#directory, notBefore)) {
      if (matchesFilter(violation, { ...filter, since: notBefore })) yield violation
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#journal.close()
  }

  #tidy(): void {
    this.#journal.removeOlderThan(Date.now() - this.#maxAgeMs)
  }
}
