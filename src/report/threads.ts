/** Where the conversation about each object is, for chats that say so when they are written to. */
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Of one target: an object's key (`Message.thread`) to the chat's own id of its conversation. */
export interface Threads {
  get(key: string): string | undefined
  set(key: string, id: string): void
  delete(key: string): void
}

export interface ThreadsOptions {
  /** Absent: in memory only. */
  file?: string | undefined
  /** Conversations at most: the one that was used least lately goes. */
  most?: number
  /** Milliseconds after which one that nobody wrote into is not continued. */
  maxAge?: number
  now?: () => number
}

interface Thread {
  id: string
  /** Milliseconds since the epoch at which it was written into. */
  at: number
}

/**
 * Kept by an append for each message, and written anew when that is long. Nothing depends on it but where a message is shown: a
 * file that cannot be read or written begins new conversations, and is no failure.
 */
export class ThreadStore implements Threads {
  readonly #file: string | undefined
  readonly #most: number
  readonly #maxAge: number
  readonly #now: () => number
  readonly #threads = new Map<string, Thread>()
  #lines = 0

  constructor({ file, most = 2000, maxAge = 7 * 86_400_000, now = Date.now }: ThreadsOptions = {}) {
    this.#file = file
    this.#most = most
    this.#maxAge = maxAge
    this.#now = now
    if (file !== undefined) this.#load(file)
  }

  get(key: string): string | undefined {
    const known = this.#threads.get(key)
    return known !== undefined && this.#now() - known.at < this.#maxAge ? known.id : undefined
  }

  set(key: string, id: string): void {
    this.#put(key, { id, at: this.#now() })
    this.#append([key, id, this.#now()])
  }

  delete(key: string): void {
    if (this.#threads.delete(key)) this.#append([key])
  }

  #put(key: string, thread: Thread): void {
    this.#threads.delete(key)
    this.#threads.set(key, thread)
    const oldest = this.#threads.keys().next()
    if (this.#threads.size > this.#most && !oldest.done) this.#threads.delete(oldest.value)
  }

  #load(file: string): void {
    let lines: string[]
    try {
      lines = readFileSync(file, 'utf8').split('\n')
    } catch {
      return
    }
    for (const line of lines) {
      const [key, id, at] = parsed(line)
      if (typeof key !== 'string') continue
      if (typeof id === 'string' && typeof at === 'number') this.#put(key, { id, at })
      else this.#threads.delete(key)
    }
    this.#rewrite()
  }

  #append(line: readonly unknown[]): void {
    if (this.#file === undefined) return
    if (this.#lines >= 2 * this.#most) return this.#rewrite()
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 })
      appendFileSync(this.#file, `${JSON.stringify(line)}\n`, { mode: 0o600 })
      this.#lines++
    } catch {
      // The next message may begin a conversation of its own.
    }
  }

  #rewrite(): void {
    const file = this.#file!
    const lines = [...this.#threads].map(([key, { id, at }]) => `${JSON.stringify([key, id, at])}\n`)
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(`${file}.tmp`, lines.join(''), { mode: 0o600 })
      renameSync(`${file}.tmp`, file)
      this.#lines = lines.length
    } catch {
      // As above.
    }
  }
}

/** A line that was cut short says nothing. */
function parsed(line: string): unknown[] {
  try {
    const read: unknown = JSON.parse(line)
    return Array.isArray(read) ? read : []
  } catch {
    return []
  }
}
