import { Tracked } from './tracked.ts'

/** The declared objects that were seen or looked for, by key. */
export class TrackedObjects {
  readonly #objects = new Map<string, Tracked>()

  /** Made where there is none. */
  of(key: string): Tracked {
    let tracked = this.#objects.get(key)
    if (tracked === undefined) this.#objects.set(key, (tracked = new Tracked()))
    return tracked
  }

  get(key: string): Tracked | undefined {
    return this.#objects.get(key)
  }

  keys(): Iterable<string> {
    return this.#objects.keys()
  }

  entries(): Iterable<[key: string, tracked: Tracked]> {
    return this.#objects
  }

  forget(key: string): void {
    this.#objects.delete(key)
  }
}
