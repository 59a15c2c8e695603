import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Violation } from '../model/violation.ts'
import { parseJson, stringifyJson } from '../object/json.ts'

/** What a provider will not take, or did not take in its time. */
export interface DeadLetter {
  id: string
  provider: string
  /** RFC 3339: when it was given up. */
  at: string
  error: string
  violations: readonly Violation[]
}

const MOST = 1000

/** The list of what was given up: a file each, so that nothing else is at stake when one is written. */
export class DeadLetters {
  readonly #directory: string | undefined
  readonly #memory = new Map<string, DeadLetter>()
  readonly #onProblem: (problem: string, error?: unknown) => void

  constructor(directory: string | undefined, onProblem: (problem: string, error?: unknown) => void) {
    this.#directory = directory
    this.#onProblem = onProblem
  }

  add(letter: Omit<DeadLetter, 'id'>): void {
    const content = `${letter.provider}\n${letter.at}\n${letter.violations.map(({ id }) => id).join()}`
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 8)
    const id = `${letter.at.replace(/\D/g, '')}-${hash}`
    const whole = { id, ...letter }
    if (!this.#write(whole)) this.#memory.set(id, whole)
    this.#bound()
  }

  /** How many there are; reads none. */
  get count(): number {
    return this.#names().length + this.#memory.size
  }

  /** Oldest first. */
  list(): DeadLetter[] {
    const saved = this.#names().flatMap((name) => this.#read(name) ?? [])
    return [...saved, ...this.#memory.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Takes one out of the list; undefined where there is none. */
  take(id: string): DeadLetter | undefined {
    const held = this.#memory.get(id)
    this.#memory.delete(id)
    if (held !== undefined || this.#directory === undefined || !/^[\w-]+$/.test(id)) return held
    const letter = this.#read(`${id}.json`)
    if (letter !== undefined) rmSync(join(this.#directory, `${id}.json`), { force: true })
    return letter
  }

  #write(letter: DeadLetter): boolean {
    if (this.#directory === undefined) return false
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
      const file = join(this.#directory, `${letter.id}.json`)
      writeFileSync(`${file}.tmp`, stringifyJson(letter), { mode: 0o600 })
      renameSync(`${file}.tmp`, file)
      return true
    } catch (error) {
      this.#onProblem('the dead-letter list cannot be written: it is kept in memory', error)
      return false
    }
  }

  #read(name: string): DeadLetter | undefined {
    try {
      return parseJson(readFileSync(join(this.#directory!, name), 'utf8')) as unknown as DeadLetter
    } catch (error) {
      this.#onProblem(`a dead letter cannot be read: ${name}`, error)
      return undefined
    }
  }

  #names(): string[] {
    if (this.#directory === undefined) return []
    try {
      return readdirSync(this.#directory)
        .filter((name) => name.endsWith('.json'))
        .toSorted()
    } catch {
      return []
    }
  }

  #bound(): void {
    const names = this.#names()
    const tooMany = names.length + this.#memory.size - MOST
    if (tooMany <= 0) return
    this.#onProblem(`the dead-letter list is full: the oldest ${tooMany} are removed`)
    for (const name of names.slice(0, tooMany)) rmSync(join(this.#directory!, name), { force: true })
    for (const id of [...this.#memory.keys()].slice(0, Math.max(0, tooMany - names.length)))
      this.#memory.delete(id)
  }
}
