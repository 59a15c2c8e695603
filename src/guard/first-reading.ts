import type { Settings } from './settings.ts'

export interface FirstReadingOptions {
  /** Sources are looked for in the cluster too, and not known before `found`. */
  discovering: boolean
  /** With the sources that are discovered. */
  settings(): Settings
  isRead(source: string): boolean
}

/** Whether everything was read once. What is discovered later is read while the rest is in force, and waits for no other. */
export class FirstReading {
  readonly #options: FirstReadingOptions
  readonly #ended = Promise.withResolvers<void>()
  /** Sources that could not be read. */
  readonly #failed = new Set<string>()
  #discovering: boolean
  #complete = false

  constructor(options: FirstReadingOptions) {
    this.#options = options
    this.#discovering = options.discovering
    this.look()
  }

  /** Resolves when every source was read once, or with `end`. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  get complete(): boolean {
    return this.#complete
  }

  /** It is known which sources there are. */
  found(): void {
    this.#discovering = false
    this.look()
  }

  failed(source: string): void {
    this.#failed.add(source)
    this.look()
  }

  /** A source was read. */
  look(): void {
    const { settings, isRead } = this.#options
    this.#complete ||=
      !this.#discovering &&
      settings().sources.every(
        ({ policy: { name }, discovered }) =>
          isRead(name) || (discovered !== undefined && this.#failed.has(name)),
      )
    if (this.#complete) this.end()
  }

  /** Nobody waits any longer. */
  end(): void {
    this.#ended.resolve()
  }
}
