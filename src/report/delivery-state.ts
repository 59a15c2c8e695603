import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Violation } from '../model/violation.ts'
import { parseJson, stringifyJson } from '../object/json.ts'

/** Violations that were set aside, to be tried again later. */
export interface Deferred {
  violations: Violation[]
  tries: number
  /** Milliseconds since the epoch. */
  dueAt: number
}

/** Violations that are told as a count only. Times are RFC 3339. */
export interface Overflow {
  count: number
  from: string
  to: string
  events: { [event: string]: number }
}

interface State {
  floor: number
  done: number[]
  deferred: Deferred[]
  overflow?: Overflow
}

/** What one provider was given: every entry up to a floor, and some above it. On disk where a file is given. */
export class DeliveryState {
  readonly #file: string | undefined
  readonly #onProblem: (problem: string, error?: unknown) => void
  readonly #done = new Set<number>()
  #floor = 0
  #failed = false
  deferred: Deferred[] = []
  overflow: Overflow | undefined

  constructor(file: string | undefined, onProblem: (problem: string, error?: unknown) => void) {
    this.#file = file
    this.#onProblem = onProblem
  }

  /**
   * Reads what a process before this one left. A provider that nothing is known of begins with what comes after `newest`;
   * one whose file is damaged begins at the start: twice is better than never.
   */
  load(newest: number): void {
    if (this.#file === undefined) {
      this.#floor = newest
      return
    }
    try {
      const { floor, done, deferred, overflow } = parseJson(
        readFileSync(this.#file, 'utf8'),
      ) as unknown as State
      this.#floor = floor
      for (const seq of done) this.#done.add(seq)
      this.deferred = deferred
      this.overflow = overflow
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#floor = newest
      else this.#onProblem('what was delivered cannot be read: some of it is delivered again', error)
      this.save()
    }
  }

  /** All entries up to this one are settled. */
  get floor(): number {
    return this.#floor
  }

  isDone(seq: number): boolean {
    return seq <= this.#floor || this.#done.has(seq)
  }

  /** These need not be given again. `save` makes it last. */
  settle(seqs: Iterable<number>): void {
    for (const seq of seqs) this.#done.add(seq)
    while (this.#done.delete(this.#floor + 1)) this.#floor++
  }

  /** Whether it is on disk. */
  save(): boolean {
    if (this.#file === undefined) return true
    const state: State = {
      floor: this.#floor,
      done: [...this.#done],
      deferred: this.deferred,
      ...(this.overflow === undefined ? {} : { overflow: this.overflow }),
    }
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 })
      writeFileSync(`${this.#file}.tmp`, stringifyJson(state), { mode: 0o600 })
      renameSync(`${this.#file}.tmp`, this.#file)
      this.#failed = false
      return true
    } catch (error) {
      if (!this.#failed)
        this.#onProblem('what was delivered cannot be written: a crash would deliver it again', error)
      this.#failed = true
      return false
    }
  }
}
