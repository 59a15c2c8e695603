/** Keeps canonical forms as compact text, in memory and in a file. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Canonical } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import { parseJson, stringifyJson } from '../object/json.ts'

export interface FormStoreOptions {
  /** A file of this process alone; none: memory only. */
  file?: string | undefined
  onError?: (error: Error) => void
}

interface Entry {
  /** What the form holds for: the schema, the server, admission. */
  stamp: string
  text: string
}

const HEADER = 'gitops-guard canonical forms 1'
const FLUSH_MS = 500
/** Parsed forms kept for those that come again and again, by the length of their text. */
const PARSED_LENGTH = 2_000_000

/**
 * Canonical forms by key. A line of the file is `key TAB stamp TAB checksum TAB JSON`, appended; a line that is torn or does not sum up is no
 * form, and a file that cannot be read or written costs no more than asking again. Only its owner may read the file.
 */
export class FormStore {
  readonly #options: FormStoreOptions
  readonly #entries = new Map<string, Entry>()
  /** The most recently used ones, parsed; the oldest first. */
  readonly #parsed = new Map<string, { text: string; canonical: Canonical }>()
  #parsedLength = 0
  #unwritten: string[] = []
  #timer: NodeJS.Timeout | undefined
  #lines = 0

  constructor(options: FormStoreOptions = {}) {
    this.#options = options
    if (options.file !== undefined) this.#try(() => this.#read(options.file!))
  }

  get size(): number {
    return this.#entries.size
  }

  /** Undefined where there is none that holds for the stamp. Never change what it returns. */
  get(key: string, stamp: string): Canonical | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.stamp !== stamp) return undefined
    const parsed = this.#parsed.get(key)
    if (parsed?.text === entry.text) {
      this.#parsed.delete(key)
      this.#parsed.set(key, parsed)
      return parsed.canonical
    }
    const canonical = read(entry.text)
    this.#remember(key, entry.text, canonical)
    return canonical
  }

  /** One that must not be written to a disk is kept in memory only. */
  set(key: string, stamp: string, canonical: Canonical, { onDisk }: { onDisk: boolean }): void {
    const text = write(canonical)
    // The same few stamps belong to all: one text for each.
    this.#entries.set(key, { stamp: this.#shared(stamp), text })
    if (!onDisk || this.#options.file === undefined) return
    this.#unwritten.push(line(key, stamp, text))
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref()
  }

  /** Forgets every form whose key is not wanted, and writes the file anew where most of it is of no use. */
  retain(isWanted: (key: string) => boolean): void {
    for (const key of [...this.#entries.keys()]) {
      if (isWanted(key)) continue
      this.#entries.delete(key)
      this.#parsed.delete(key)
    }
    if (this.#lines > 2 * this.#entries.size + 1000) this.#compact()
  }

  clear(): void {
    this.#entries.clear()
    this.#parsed.clear()
    this.#parsedLength = 0
    this.#unwritten = []
    if (this.#options.file !== undefined) this.#try(() => rmSync(this.#options.file!, { force: true }))
    this.#lines = 0
  }

  /** Writes what is not written yet. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { file } = this.#options
    const lines = this.#unwritten
    this.#unwritten = []
    if (file === undefined || lines.length === 0) return
    this.#try(() => {
      if (!existsSync(file)) this.#begin(file)
      appendFileSync(file, lines.join(''), { mode: 0o600 })
      this.#lines += lines.length
    })
  }

  readonly #stamps = new Map<string, string>()

  #shared(stamp: string): string {
    const known = this.#stamps.get(stamp)
    if (known !== undefined) return known
    if (this.#stamps.size > 1000) this.#stamps.clear()
    this.#stamps.set(stamp, stamp)
    return stamp
  }

  #remember(key: string, text: string, canonical: Canonical): void {
    const old = this.#parsed.get(key)
    if (old !== undefined) this.#parsedLength -= old.text.length
    this.#parsed.delete(key)
    this.#parsed.set(key, { text, canonical })
    this.#parsedLength += text.length
    for (const [oldest, value] of this.#parsed) {
      if (this.#parsedLength <= PARSED_LENGTH) break
      this.#parsed.delete(oldest)
      this.#parsedLength -= value.text.length
    }
  }

  #begin(file: string): void {
    mkdirSync(dirname(file), { recursive: true })
    appendFileSync(file, `${HEADER}\n`, { mode: 0o600 })
  }

  #read(file: string): void {
    if (!existsSync(file)) return
    const bytes = readFileSync(file)
    const end = bytes.indexOf(10)
    if (bytes.toString('utf8', 0, Math.max(end, 0)) !== HEADER) {
      rmSync(file)
      return
    }
    let torn = false
    for (let start = end + 1; start < bytes.length;) {
      const stop = bytes.indexOf(10, start)
      const text = bytes.toString('utf8', start, stop < 0 ? bytes.length : stop)
      if (stop < 0 || !this.#readLine(text)) torn = true
      this.#lines++
      start = stop < 0 ? bytes.length : stop + 1
    }
    if (torn || this.#lines > 2 * this.#entries.size + 1000) this.#compact()
  }

  #readLine(text: string): boolean {
    const [key, stamp, sum, form, more] = text.split('\t')
    if (form === undefined || more !== undefined || checksum(key + '\t' + stamp + '\t' + form) !== sum)
      return false
    this.#entries.set(key!, { stamp: this.#shared(stamp!), text: form })
    return true
  }

  #compact(): void {
    const { file } = this.#options
    if (file === undefined) return
    this.flush()
    this.#try(() => {
      const temporary = `${file}.new`
      const descriptor = openSync(temporary, 'w', 0o600)
      try {
        writeSync(descriptor, `${HEADER}\n`)
        let lines = 0
        for (const [key, { stamp, text }] of this.#entries) {
          if (isSecret(text)) continue
          writeSync(descriptor, line(key, stamp, text))
          lines++
        }
        this.#lines = lines
      } finally {
        closeSync(descriptor)
      }
      renameSync(temporary, file)
    })
  }

  #try(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.onError?.(error as Error)
    }
  }
}

function line(key: string, stamp: string, text: string): string {
  return `${key}\t${stamp}\t${checksum(`${key}\t${stamp}\t${text}`)}\t${text}\n`
}

function checksum(text: string): string {
  return crc32(text).toString(36)
}

/** JSON has no raw tab or newline. The kind comes first, so that it can be told without reading. */
function write({ object, generated, generatedItems, unattainable, method }: Canonical): string {
  const { apiVersion, kind, ...rest } = object
  const items = generatedItems === undefined ? [] : [generatedItems]
  return stringifyJson([{ apiVersion, kind, ...rest }, generated, unattainable, method, ...items])
}

function isSecret(text: string): boolean {
  return text.startsWith('[{"apiVersion":"v1","kind":"Secret"')
}

function read(text: string): Canonical {
  const [object, generated, unattainable, method, items] = parseJson(text) as Json[]
  const some = items === undefined ? {} : { generatedItems: items }
  return { object, generated, unattainable, method, ...some } as unknown as Canonical
}
