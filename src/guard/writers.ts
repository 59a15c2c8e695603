import { readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Change } from '../model/change.ts'
import type { Json } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import type { Verdict } from '../model/verdict.ts'
import type { WrittenField } from '../model/writer.ts'
import { fieldOf, isObject, parseJson, stringifyJson } from '../object/json.ts'
import { mergeWritten, writtenFields, writtenKey } from '../policy/written-fields.ts'

export interface WritersOptions {
  /** Absent: nothing survives a restart. */
  file?: string | undefined
  onError(error: unknown): void
  /** Default: the system's clock, in milliseconds since the epoch. */
  now?: () => number
  /** Least time between two writes of the file, in milliseconds. Default 3000. */
  everyMs?: number
}

/** Records in all, those of one account, objects of a record, characters of a record: no account can push out the others. */
const MOST = 4000
const MOST_OF_ONE = 400
const MOST_OBJECTS = 20
const MOST_CHARACTERS = 2000
/** What nobody did for so long is forgotten. */
const KEEP_MS = 90 * 24 * 3600_000

/** Which service accounts wrote which fields of declared objects while nothing refused them: bounded, and kept on disk. */
export class Writers {
  readonly #options: WritersOptions
  /** By their key, the one written last at the end. */
  readonly #records = new Map<string, WrittenField>()
  readonly #perUser = new Map<string, number>()
  /** Accounts of which some fields were left out, as there were too many. */
  readonly #truncated = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: WritersOptions) {
    this.#options = options
    for (const record of this.#read()) this.#add(record)
  }

  /** Notes what a review let through that it would not have in `enforce`. */
  judged(change: Change, verdict: Verdict, policy: Policy): void {
    const found = writtenFields(change, verdict, policy)
    if (found.length === 0) return
    for (const record of found) this.#add(record)
    this.#soon()
  }

  all(): readonly WrittenField[] {
    return [...this.#records.values()]
  }

  /** As `/writers` serves it and the file holds it. */
  toJson() {
    return { version: VERSION, truncated: [...this.#truncated], written: this.all() }
  }

  /** People have heard of these. */
  told(records: readonly WrittenField[]): void {
    const told = (this.#options.now ?? Date.now)()
    for (const record of records) {
      const key = writtenKey(record)
      const known = this.#records.get(key)
      if (known !== undefined) this.#records.set(key, { ...known, told })
    }
    if (records.length > 0) this.#soon()
  }

  /** Writes what is not on disk yet. */
  async stop(): Promise<void> {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      this.#write()
    }
    await this.#writing
  }

  #add(record: WrittenField): void {
    const key = writtenKey(record)
    const { user } = record
    if (key.length > MOST_CHARACTERS) return void this.#truncated.add(user)
    const known = this.#records.get(key)
    if (known !== undefined) {
      this.#records.delete(key)
      this.#records.set(key, mergeWritten(known, record, MOST_OBJECTS))
      return
    }
    const count = this.#perUser.get(user) ?? 0
    if (count >= MOST_OF_ONE) return void this.#truncated.add(user)
    this.#records.set(key, record)
    this.#perUser.set(user, count + 1)
    if (this.#records.size > MOST) this.#drop(this.#records.keys().next().value!)
  }

  #drop(key: string): void {
    const { user } = this.#records.get(key)!
    this.#records.delete(key)
    const left = (this.#perUser.get(user) ?? 1) - 1
    if (left > 0) this.#perUser.set(user, left)
    else this.#perUser.delete(user)
    this.#truncated.add(user)
    // Accounts come and go: the list of names must not grow for ever either.
    if (this.#truncated.size > MOST) this.#truncated.delete(this.#truncated.values().next().value!)
  }

  #soon(): void {
    if (this.#options.file === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#write()
    }, this.#options.everyMs ?? 3000)
    this.#timer.unref()
  }

  #write(): void {
    const { file, onError } = this.#options
    if (file === undefined) return
    this.#writing = this.#writing.then(async () => {
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 })
        await writeFile(`${file}.new`, stringifyJson(this.toJson()), { mode: 0o600 })
        await rename(`${file}.new`, file)
      } catch (error) {
        onError(error)
      }
    })
  }

  #read(): WrittenField[] {
    const { file, onError, now = Date.now } = this.#options
    if (file === undefined) return []
    try {
      return readWritten(parseJson(readFileSync(file, 'utf8'))).filter(({ last }) => last > now() - KEEP_MS)
    } catch (error) {
      // What was seen is of help, not of need: a guard starts without it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onError(error)
      return []
    }
  }
}

const VERSION = 1

/** The records of a file, or of what a guard serves. @throws Error for what is neither. */
export function readWritten(value: Json): WrittenField[] {
  const written = fieldOf(value, 'written')
  if (fieldOf(value, 'version') !== VERSION || !Array.isArray(written))
    throw new Error(
      'cannot read what was written in audit mode: it is of another form than this version writes',
    )
  if (!written.every(isWritten))
    throw new Error('cannot read what was written in audit mode: a record in it is malformed')
  return written as unknown as WrittenField[]
}

function isWritten(value: Json): boolean {
  if (!isObject(value)) return false
  const { user, kind, path, op, rule, count, first, last, objects, sources } = value
  return (
    [user, kind, rule].every((text) => typeof text === 'string') &&
    [count, first, last].every((number) => typeof number === 'number') &&
    ['add', 'remove', 'replace'].includes(op as string) &&
    Array.isArray(path) &&
    path.every(isSegment) &&
    Array.isArray(sources) &&
    sources.every((name) => typeof name === 'string') &&
    Array.isArray(objects) &&
    objects.length > 0 &&
    objects.every(
      (object) =>
        typeof fieldOf(object, 'namespace') === 'string' && typeof fieldOf(object, 'name') === 'string',
    )
  )
}

function isSegment(segment: Json): boolean {
  if (typeof segment === 'string' || typeof segment === 'number') return true
  return isObject(fieldOf(segment, 'keys')) || fieldOf(segment, 'value') !== undefined
}
