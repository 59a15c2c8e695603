import type { Manifest } from '../model/desired.ts'

/** An earlier form of an object that its agent may still be at; no manifest: it was not declared. */
export interface Earlier {
  manifest: Manifest | undefined
  /** When the commit that replaced it was put in force, in milliseconds since the epoch. */
  replacedAt: number
}

/** The commit of a source that is in force. */
export interface InForce {
  revision: string
  /** Milliseconds since the epoch. */
  committedAt: number
  /** It is the first that this process sees of the source. */
  first: boolean
}

/** An agent may be this many commits behind, for one object. */
const longest = 12
const revisions = 500
const writes = 10_000

/**
 * Remembers which commits were in force, what the objects looked like that these changed, until live was seen to be
 * at the newest, and which form the guard itself wrote last.
 */
export class History {
  readonly #sources = new Map<string, InForce & { past: Set<string> }>()
  readonly #earlier = new Map<string, Earlier[]>()
  readonly #written = new Map<string, { hash: string; at: number }>()

  /** A commit is in force. */
  load(source: string, { revision, committedAt }: { revision: string; committedAt: number }): InForce {
    const before = this.#sources.get(source)
    const past = before?.past ?? new Set<string>()
    past.add(revision)
    if (past.size > revisions) past.delete(past.values().next().value!)
    const inForce = { revision, committedAt, first: before === undefined, past }
    this.#sources.set(source, inForce)
    return inForce
  }

  inForce(source: string): InForce | undefined {
    return this.#sources.get(source)
  }

  /** Whether this commit is or was in force. */
  knows(source: string, revision: string): boolean {
    return this.#sources.get(source)?.past.has(revision) ?? false
  }

  /** A commit changed an object. */
  replace(key: string, earlier: Earlier): void {
    const forms = this.#earlier.get(key) ?? []
    forms.push(earlier)
    if (forms.length > longest) forms.shift()
    this.#earlier.set(key, forms)
  }

  /** The forms that live may still have, newest last. */
  earlier(key: string): readonly Earlier[] {
    return this.#earlier.get(key) ?? []
  }

  /** Live is at the newest form. */
  arrived(key: string): void {
    if (this.#earlier.size > 0) this.#earlier.delete(key)
  }

  /** The guard wrote this form of an object. */
  wrote(key: string, hash: string, at: number): void {
    this.#written.delete(key)
    this.#written.set(key, { hash, at })
    for (const oldest of this.#written.keys()) {
      if (this.#written.size <= writes) break
      this.#written.delete(oldest)
    }
  }

  /**
   * Whether it was the guard that put this older form there, when the commit now in force may have been made already:
   * then the agent may have brought that one before, and will not come again.
   */
  wroteBefore(key: string, source: string, older: Manifest): boolean {
    const written = this.#written.get(key)
    if (written?.hash !== older.hash) return false
    return written.at >= (this.#sources.get(source)?.committedAt ?? 0) - 60_000
  }

  forget(key: string): void {
    this.#earlier.delete(key)
    this.#written.delete(key)
  }
}
