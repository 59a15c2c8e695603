import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
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
  attempt?: readonly number[]
}

/** Lines of settled entries after which the whole is written anew. */
const LINES = 2000

/**
 * What one provider was given: every entry up to a floor, and some above it. On disk where a file is given: a line with
 * everything, then a line for each settling, so that one costs one short write.
 */
export class DeliveryState {
  #file: string | undefined
  readonly #onProblem: (problem: string, error?: unknown) => void
  readonly #done = new Set<number>()
  #floor = 0
  #failed = false
  #fd: number | undefined
  #lines = 0
  deferred: Deferred[] = []
  overflow: Overflow | undefined
  /** What was tried last and is not known to have arrived: only the same again can be told from it by the receiver. */
  #attempt: readonly number[] = []

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
      this.#restore(readFileSync(this.#file, 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#floor = newest
      else this.#onProblem('what was delivered cannot be read: some of it is delivered again', error)
    }
    this.save()
  }

  /** All entries up to this one are settled. */
  get floor(): number {
    return this.#floor
  }

  /** Settled entries above the floor. */
  get ahead(): number {
    return this.#done.size
  }

  /** What was tried last, where it is not settled. */
  get attempt(): readonly number[] {
    return this.#attempt
  }

  /** These are about to be given together. */
  begin(seqs: readonly number[]): void {
    if (seqs.length === this.#attempt.length && seqs.every((seq, index) => seq === this.#attempt[index]))
      return
    this.#attempt = seqs
    this.#append({ attempt: seqs })
  }

  isDone(seq: number): boolean {
    return seq <= this.#floor || this.#done.has(seq)
  }

  /** These need not be given again. */
  settle(seqs: readonly number[]): void {
    if (seqs.length === 0) return
    this.#mark(seqs)
    this.#append(seqs)
  }

  /** Writes everything; to be called when `deferred` or `overflow` changed. */
  save(): void {
    if (this.#file === undefined) return
    const state: State = {
      floor: this.#floor,
      done: [...this.#done],
      deferred: this.deferred,
      ...(this.overflow === undefined ? {} : { overflow: this.overflow }),
      ...(this.#attempt.length === 0 ? {} : { attempt: this.#attempt }),
    }
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 })
      writeFileSync(`${this.#file}.tmp`, `${stringifyJson(state)}\n`, { mode: 0o600 })
      renameSync(`${this.#file}.tmp`, this.#file)
      this.close()
      this.#fd = openSync(this.#file, 'a')
      this.#lines = 0
      this.#failed = false
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Nobody is to be told any more: nothing is written from now on. */
  retire(): void {
    this.close()
    this.#file = undefined
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  /** A last line that was cut short is no reason to doubt the others. */
  #restore(text: string): void {
    const [head = '', ...lines] = text.split('\n')
    const { floor, done, deferred, overflow, attempt = [] } = parseJson(head) as unknown as State
    this.#floor = floor
    this.#mark(done)
    this.deferred = deferred
    this.overflow = overflow
    this.#attempt = attempt
    for (const line of lines.slice(0, -1)) {
      const read = JSON.parse(line) as number[] | { attempt: number[] }
      if (Array.isArray(read)) this.#mark(read)
      else this.#attempt = read.attempt
    }
    this.#attempt = this.#attempt.filter((seq) => !this.isDone(seq))
  }

  #mark(seqs: readonly number[]): void {
    for (const seq of seqs) if (seq > this.#floor) this.#done.add(seq)
    while (this.#done.delete(this.#floor + 1)) this.#floor++
    if (this.#attempt.length > 0 && this.#attempt.every((seq) => this.isDone(seq))) this.#attempt = []
  }

  #append(line: readonly number[] | { attempt: readonly number[] }): void {
    if (this.#file === undefined) return
    if (this.#fd === undefined || this.#lines >= LINES) return void this.save()
    try {
      writeSync(this.#fd, `${JSON.stringify(line)}\n`)
      this.#lines++
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (!this.#failed) {
      this.#onProblem('what was delivered cannot be written: a crash would deliver it again', error)
    }
    this.#failed = true
    this.close()
  }
}
