/** The violations that are to be delivered, in the order in which they came, on disk where there is one. */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Violation } from '../model/violation.ts'
import { parseJson, stringifyJson } from '../object/json.ts'

export interface Entry {
  /** Counts up by one with each violation, across restarts. */
  seq: number
  violation: Violation
}

/** Reads the journal in order, for one provider. */
export interface Reader {
  /** Up to `most` entries after those that it gave before. */
  next(most: number): Entry[]
  /** Told before entries go that it has not given yet: the journal is full. */
  onDrop(entries: Entry[]): void
}

export interface JournalOptions {
  /** Its own folder; absent: in memory only. */
  directory?: string
  /** Bytes on disk; beyond that the oldest go. */
  maxBytes?: number
  /** Entries in memory while the disk takes none; beyond that the oldest go. */
  maxUnsaved?: number
  /** Bytes of one file. */
  segmentBytes?: number
  /** What it is called in what it says. Default: the outbox. */
  what?: string
  /** Something is not as it should be: for the log. Said once until it is over. */
  onProblem?(problem: string, error?: unknown): void
}

interface Segment {
  /** The seq of its first entry; its name. */
  first: number
  file: string
  bytes: number
}

interface Place {
  reader: Reader
  lastSeq: number
  /** Where in which segment it goes on. */
  segment: number
  offset: number
  /** Since when the segment cannot be read, in milliseconds since the epoch; 0 where it can. */
  failing: number
}

const CHUNK = 256 * 1024
const DROP_UNSAVED = 1000
const UNREADABLE_MS = 60_000

/**
 * An append is one write, without a wait for the disk: it outlives this process, not the machine. Nothing here throws once it
 * is open; what the disk refuses is kept in memory, and written when it takes writes again.
 */
export class Journal {
  readonly #options: Required<Omit<JournalOptions, 'directory' | 'onProblem'>> & JournalOptions
  readonly #segments: Segment[] = []
  readonly #places = new Map<Reader, Place>()
  readonly #said = new Set<string>()
  #unsaved: Entry[] = []
  #nextSeq = 1
  #fd: number | undefined
  #nextTry = 0

  constructor(options: JournalOptions = {}) {
    this.#options = {
      maxBytes: 64 << 20,
      maxUnsaved: 10_000,
      segmentBytes: 1 << 20,
      what: 'the outbox',
      ...options,
    }
    if (options.directory !== undefined) this.#open(options.directory)
  }

  /** Seq of the newest entry; 0 where there never was one. */
  get lastSeq(): number {
    return this.#nextSeq - 1
  }

  /** Entries after this one count from here on, even where the journal itself was lost. */
  startAfter(seq: number): void {
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1)
  }

  append(violation: Violation): number {
    const seq = this.#nextSeq++
    const entry = { seq, violation }
    this.#save()
    if (this.#unsaved.length > 0 || !this.#write(entry)) this.#keep(entry)
    return seq
  }

  /** @param after seq of the last entry that need not be read. */
  reader(after: number, onDrop: (entries: Entry[]) => void): Reader {
    const reader: Reader = { next: (most) => this.#next(place, most), onDrop }
    const place = { reader, lastSeq: after, segment: 0, offset: 0, failing: 0 }
    this.#places.set(reader, place)
    return reader
  }

  /** This one reads no more. */
  forget(reader: Reader): void {
    this.#places.delete(reader)
  }

  /** Removes what nobody needs any more: entries up to this one. */
  release(upTo: number): void {
    while (this.#segments.length > 1 && this.#segments[1]!.first <= upTo + 1) this.#removeOldest()
    if (this.#unsaved.length > 0) this.#unsaved = this.#unsaved.filter(({ seq }) => seq > upTo)
  }

  /** What is in memory only, oldest first: all of it without a folder, else what the disk refused. */
  get unsaved(): readonly Entry[] {
    return this.#unsaved
  }

  /** Removes files that were written last before this time, in milliseconds since the epoch. Never the newest. */
  removeOlderThan(time: number): void {
    while (this.#segments.length > 1 && writtenAt(this.#segments[0]!.file) < time) this.#dropOldest()
  }

  /** Writes what the disk refused before, if it takes it now. */
  flush(): void {
    this.#nextTry = 0
    this.#save()
  }

  close(): void {
    this.flush()
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #open(directory: string): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(directory).toSorted()) {
      const match = /^(\d{15})\.jsonl$/.exec(name)
      if (match === null) continue
      const file = join(directory, name)
      this.#segments.push({ first: Number(match[1]), file, bytes: statSync(file).size })
    }
    const last = this.#segments.at(-1)
    if (last === undefined) return
    this.#fd = openSync(last.file, 'a+', 0o600)
    this.#mend(last)
    let lastSeq = last.first - 1
    for (let offset = 0; ;) {
      const { entries, next } = this.#readChunk(last, offset)
      if (next === offset) break
      offset = next
      lastSeq = Math.max(lastSeq, entries.at(-1)?.seq ?? 0)
    }
    this.#nextSeq = lastSeq + 1
  }

  /** A write that was cut short by the end of the process was never answered for: it goes. */
  #mend(segment: Segment): void {
    let end = segment.bytes
    const buffer = Buffer.alloc(CHUNK)
    while (end > 0) {
      const start = Math.max(0, end - CHUNK)
      const length = readSync(this.#fd!, buffer, 0, end - start, start)
      const newline = buffer.lastIndexOf(10, length - 1)
      if (length > 0 && newline >= 0) {
        end = start + newline + 1
        break
      }
      end = start
    }
    if (end === segment.bytes) return
    ftruncateSync(this.#fd!, end)
    segment.bytes = end
  }

  #write(entry: Entry): boolean {
    if (this.#options.directory === undefined) return false
    const line = Buffer.from(`${stringifyJson(entry)}\n`)
    try {
      const segment = this.#segmentFor(entry.seq, line.length)
      const written = writeSync(this.#fd!, line)
      if (written < line.length) {
        ftruncateSync(this.#fd!, segment.bytes)
        throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
      }
      segment.bytes += line.length
      this.#over('append')
      return true
    } catch (error) {
      this.#nextTry = Date.now() + 1000
      this.#say(
        'append',
        `${this.#options.what} cannot be written: violations wait in memory, and a crash would lose them`,
        error,
      )
      this.#resync()
      return false
    }
  }

  /** After a failed write nobody knows how long the file is. */
  #resync(): void {
    const segment = this.#segments.at(-1)
    if (this.#fd === undefined || segment === undefined) return
    try {
      segment.bytes = fstatSync(this.#fd).size
      this.#mend(segment)
    } catch {
      // The next write fails as this did, and is told.
    }
  }

  #segmentFor(seq: number, bytes: number): Segment {
    const { directory, segmentBytes, maxBytes } = this.#options
    const last = this.#segments.at(-1)
    if (last !== undefined && this.#fd !== undefined && last.bytes + bytes <= segmentBytes) return last
    if (last !== undefined && this.#fd !== undefined && last.bytes === 0) return last
    const file = join(directory!, `${String(seq).padStart(15, '0')}.jsonl`)
    mkdirSync(directory!, { recursive: true, mode: 0o700 })
    const fd = openSync(file, 'a+', 0o600)
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = fd
    const segment = { first: seq, file, bytes: 0 }
    this.#segments.push(segment)
    while (this.#segments.length > 1 && this.#segments.reduce((sum, one) => sum + one.bytes, 0) > maxBytes) {
      this.#dropOldest()
    }
    return segment
  }

  #keep(entry: Entry): void {
    this.#unsaved.push(entry)
    if (this.#unsaved.length <= this.#options.maxUnsaved) return
    const gone = this.#unsaved.splice(0, Math.min(DROP_UNSAVED, this.#options.maxUnsaved))
    for (const place of this.#places.values()) {
      const missed = gone.filter(({ seq }) => seq > place.lastSeq)
      place.lastSeq = Math.max(place.lastSeq, gone.at(-1)!.seq)
      if (missed.length === 0) continue
      this.#say(
        'memory',
        `${this.#options.what} in memory is full: the oldest violations are told as a count only`,
      )
      place.reader.onDrop(missed)
    }
  }

  #save(): void {
    if (this.#unsaved.length === 0 || this.#options.directory === undefined || Date.now() < this.#nextTry)
      return
    let saved = 0
    while (saved < this.#unsaved.length && this.#write(this.#unsaved[saved]!)) saved++
    this.#unsaved.splice(0, saved)
  }

  #next(place: Place, most: number): Entry[] {
    const entries: Entry[] = []
    const give = (entry: Entry) => {
      entries.push(entry)
      place.lastSeq = entry.seq
    }
    for (let segment = this.#segmentOf(place); segment !== undefined && entries.length < most;) {
      if (segment.first !== place.segment) Object.assign(place, { segment: segment.first, offset: 0 })
      const {
        entries: read,
        next,
        failed,
      } = this.#readChunk(segment, place.offset, most - entries.length, place.lastSeq)
      for (const entry of read) give(entry)
      if (failed === 'for now' && !this.#tooLong(place)) return entries
      if (failed === 'gone') this.#forget(segment)
      if (next > place.offset) {
        place.offset = next
        place.failing = 0
      } else segment = this.#segments.find(({ first }) => first > place.segment)
    }
    for (const entry of this.#unsaved) {
      if (entries.length >= most) break
      if (entry.seq > place.lastSeq) give(entry)
    }
    return entries
  }

  #segmentOf({ segment, lastSeq }: Place): Segment | undefined {
    const wanted = Math.max(segment, lastSeq + 1)
    return this.#segments.findLast(({ first }) => first <= wanted) ?? this.#segments[0]
  }

  /** What cannot be read for so long is passed by: what came after it matters more. */
  #tooLong(place: Place): boolean {
    if (place.failing === 0) place.failing = Date.now()
    return Date.now() - place.failing > UNREADABLE_MS
  }

  /** Somebody removed the file: what is written into it now would be lost. */
  #forget(segment: Segment): void {
    const index = this.#segments.indexOf(segment)
    if (index === this.#segments.length - 1 && this.#fd !== undefined) {
      closeSync(this.#fd)
      this.#fd = undefined
    }
    if (index >= 0) this.#segments.splice(index, 1)
  }

  /** Entries from an offset on, after a seq; where to go on; whether it could be read. Lines that are damaged are told and left out. */
  #readChunk(segment: Segment, offset: number, most = Infinity, after = 0) {
    const entries: Entry[] = []
    let bytes: Buffer
    try {
      bytes = this.#bytesAt(segment, offset)
    } catch (error) {
      this.#say('read', `${this.#options.what} cannot be read: ${segment.file}`, error)
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT'
      return { entries, next: offset, failed: gone ? ('gone' as const) : ('for now' as const) }
    }
    let start = 0
    for (let end; entries.length < most && (end = bytes.indexOf(10, start)) >= 0; start = end + 1) {
      const entry = this.#parse(bytes.toString('utf8', start, end))
      if (entry !== undefined && entry.seq > after) entries.push(entry)
    }
    return { entries, next: offset + start }
  }

  /** A chunk, or more where one line is longer. */
  #bytesAt(segment: Segment, offset: number): Buffer {
    const fd = openSync(segment.file, 'r')
    try {
      for (let size = CHUNK; ; size *= 4) {
        const wanted = Math.min(size, segment.bytes - offset)
        if (wanted <= 0) return Buffer.alloc(0)
        const buffer = Buffer.alloc(wanted)
        const length = readSync(fd, buffer, 0, wanted, offset)
        const read = buffer.subarray(0, length)
        if (read.includes(10) || wanted < size) return read
      }
    } finally {
      closeSync(fd)
    }
  }

  #parse(line: string): Entry | undefined {
    try {
      const entry = parseJson(line) as unknown as Entry
      if (Number.isSafeInteger(entry.seq) && typeof entry.violation === 'object') return entry
    } catch {
      // Told below.
    }
    if (line.trim() !== '')
      this.#say('corrupt', `${this.#options.what} holds a damaged line: what was in it is lost`)
    return undefined
  }

  #dropOldest(): void {
    const [oldest, following] = this.#segments
    if (oldest === undefined || following === undefined) return
    for (const place of this.#places.values()) {
      const missed: Entry[] = []
      for (
        let offset = place.segment === oldest.first ? place.offset : 0;
        place.lastSeq < following.first - 1;
      ) {
        const { entries, next } = this.#readChunk(oldest, offset, Infinity, place.lastSeq)
        missed.push(...entries)
        if (next === offset) break
        offset = next
      }
      place.lastSeq = Math.max(place.lastSeq, following.first - 1)
      if (missed.length > 0) {
        this.#say('full', `${this.#options.what} is full: the oldest violations are told as a count only`)
        place.reader.onDrop(missed)
      }
    }
    this.#removeOldest()
  }

  #removeOldest(): void {
    const oldest = this.#segments.shift()
    try {
      if (oldest !== undefined) rmSync(oldest.file, { force: true })
    } catch (error) {
      // Found again at the next start, and removed then: it holds nothing that was not told.
      this.#say('remove', `a file of ${this.#options.what} cannot be removed`, error)
    }
  }

  #say(kind: string, problem: string, error?: unknown): void {
    if (this.#said.has(kind)) return
    this.#said.add(kind)
    this.#options.onProblem?.(problem, error)
  }

  #over(kind: string): void {
    if (this.#said.size > 0) this.#said.delete(kind)
  }
}

/** Milliseconds since the epoch; of a file that somebody removed, as old as can be. */
function writtenAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
