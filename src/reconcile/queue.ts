import type { Cancel, Clock } from './clock.ts'

/** What the work on a key asks for when it is done. Nothing: done until something is added. */
export interface Again {
  /** Work on it again after this many milliseconds, if nothing is added before. */
  afterMs?: number
  /**
   * Work on it again when this settles. The worker is free meanwhile, so that a question that takes long holds up no
   * other key.
   */
  when?: Promise<unknown>
  /** With the same payload, unless a newer one is added. */
  keep?: boolean
}

export interface QueueOptions<Payload> {
  clock: Clock
  /** Keys that are worked on at the same time. */
  workers: number
  /** Milliseconds before the first and at most before any retry of work that failed; doubled each time, with jitter. */
  backoff?: { first: number; longest: number }
  /** In [0, 1): for the jitter. */
  random?: () => number
  /** Milliseconds of work after which other tasks of the process get a turn. */
  slice?: number
  /** For metrics: how long a key waited for a worker, how long the work took, and whether it failed. */
  onWorked?: (waitedMs: number, workedMs: number, error: unknown) => void
  /** The work on a key failed; it is tried again after `retryMs`. */
  onFailed?: (key: string, error: unknown, retryMs: number) => void
  work: (key: string, payload: Payload | undefined) => Again | undefined | Promise<Again | undefined>
}

interface Item<Payload> {
  payload: Payload | undefined
  /** Waits for a worker, is worked on, or waits for time or an answer. */
  state: 'ready' | 'working' | 'waiting'
  /** Added to while it was worked on. */
  dirty: boolean
  /** Failures in a row. */
  failures: number
  /** Not worked on before this time, whatever is added: it failed. */
  notBefore: number
  since: number
  cancel: Cancel | undefined
  /** Counts its turns, so that an answer which comes late is not taken for a newer one's. */
  turn: number
}

/**
 * A queue of keys with the newest payload of each. One key is worked on once at a time, `workers` keys at the same
 * time; a key that waits, fails or asks holds up no other. A payload is dropped when its work begins.
 */
export class WorkQueue<Payload> {
  readonly #options: QueueOptions<Payload>
  readonly #items = new Map<string, Item<Payload>>()
  #ready: string[] = []
  /** Where in `#ready` the next key is: shift() of a long array is slow. */
  #head = 0
  #working = 0
  #waiting = 0
  #scheduled = false
  #paused = false
  #idle: (() => void)[] = []

  constructor(options: QueueOptions<Payload>) {
    this.#options = options
  }

  /** Keys that wait for a worker, are worked on, or wait for time or an answer. */
  get sizes(): { ready: number; working: number; waiting: number } {
    return { ready: this.#ready.length - this.#head, working: this.#working, waiting: this.#waiting }
  }

  /** Works on the key soon. Its payload replaces the one before; without one, that one stays. */
  add(key: string, payload?: Payload): void {
    const item = this.#items.get(key)
    if (item === undefined) {
      this.#items.set(key, {
        payload,
        state: 'ready',
        dirty: false,
        failures: 0,
        notBefore: 0,
        since: this.#options.clock.now(),
        cancel: undefined,
        turn: 0,
      })
      this.#ready.push(key)
      this.#schedule()
      return
    }
    if (payload !== undefined) item.payload = payload
    if (item.state === 'working') item.dirty = true
    else if (item.state === 'waiting') {
      if (item.notBefore > this.#options.clock.now()) return
      this.#makeReady(key, item)
    }
  }

  /** As `add`, and without waiting for the next try of what failed: why it did may be gone. */
  addAtOnce(key: string, payload?: Payload): void {
    const item = this.#items.get(key)
    if (item !== undefined) {
      item.failures = 0
      item.notBefore = 0
    }
    this.add(key, payload)
  }

  /** Stops starting work until `resume`; what is under way ends. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  /** Resolves when no key is ready or worked on. Keys that wait for a time or an answer do not count. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Forgets everything that waits. */
  close(): void {
    this.#paused = true
    for (const item of this.#items.values()) item.cancel?.()
    this.#items.clear()
    this.#ready = []
    this.#head = 0
    this.#waiting = 0
    this.#wake()
  }

  #isIdle(): boolean {
    return this.#working === 0 && this.#ready.length === this.#head
  }

  #wake(): void {
    if (!this.#isIdle()) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  #makeReady(key: string, item: Item<Payload>): void {
    item.cancel?.()
    item.cancel = undefined
    if (item.state === 'waiting') this.#waiting--
    item.state = 'ready'
    item.since = this.#options.clock.now()
    item.turn++
    this.#ready.push(key)
    this.#schedule()
  }

  #wait(key: string, item: Item<Payload>, ms: number): void {
    item.state = 'waiting'
    this.#waiting++
    item.cancel = this.#options.clock.after(ms, () => {
      item.cancel = undefined
      if (this.#items.get(key) === item && item.state === 'waiting') this.#makeReady(key, item)
    })
  }

  /**
   * The first key of a quiet queue is worked on in a microtask, before the event loop turns: a repair must not wait
   * behind input and output. A long run of keys gives way every few milliseconds.
   */
  #schedule(): void {
    if (this.#scheduled || this.#paused) return
    this.#scheduled = true
    queueMicrotask(() => this.#run())
  }

  #run(): void {
    this.#scheduled = false
    const end = performance.now() + (this.#options.slice ?? 5)
    while (!this.#paused && this.#working < this.#options.workers && this.#head < this.#ready.length) {
      const key = this.#ready[this.#head++]!
      if (this.#head > 1024 && this.#head * 2 > this.#ready.length) {
        this.#ready = this.#ready.slice(this.#head)
        this.#head = 0
      }
      const item = this.#items.get(key)
      if (item !== undefined) this.#start(key, item)
      if (performance.now() > end && this.#head < this.#ready.length) {
        this.#scheduled = true
        setImmediate(() => this.#run())
        break
      }
    }
    this.#wake()
  }

  #start(key: string, item: Item<Payload>): void {
    const { payload } = item
    item.payload = undefined
    item.state = 'working'
    item.dirty = false
    this.#working++
    const began = performance.now()
    const waited = this.#options.clock.now() - item.since
    const done = (again: Again | undefined, error: unknown, failed: boolean) => {
      this.#working--
      this.#options.onWorked?.(waited, performance.now() - began, error)
      if (this.#items.get(key) !== item) return
      if (failed) this.#retry(key, item, error)
      else this.#settle(key, item, again, payload)
    }
    let result: Again | undefined | Promise<Again | undefined>
    try {
      result = this.#options.work(key, payload)
    } catch (error) {
      done(undefined, error, true)
      return
    }
    if (!(result instanceof Promise)) {
      done(result, undefined, false)
      return
    }
    result
      .then(
        (again) => done(again, undefined, false),
        (error: unknown) => done(undefined, error, true),
      )
      .finally(() => {
        this.#schedule()
        this.#wake()
      })
  }

  #retry(key: string, item: Item<Payload>, error: unknown): void {
    const { first, longest } = this.#options.backoff ?? { first: 100, longest: 60_000 }
    const full = Math.min(longest, first * 2 ** Math.min(item.failures, 30))
    const ms = full / 2 + (full / 2) * (this.#options.random ?? Math.random)()
    item.failures++
    item.notBefore = this.#options.clock.now() + ms
    this.#options.onFailed?.(key, error, ms)
    this.#wait(key, item, ms)
  }

  #settle(key: string, item: Item<Payload>, again: Again | undefined, payload: Payload | undefined): void {
    item.failures = 0
    item.notBefore = 0
    if (item.dirty) {
      this.#makeReady(key, item)
    } else if (again?.when !== undefined) {
      item.state = 'waiting'
      this.#waiting++
      const { turn } = item
      const resume = () => {
        if (this.#items.get(key) !== item || item.turn !== turn || item.state !== 'waiting') return
        if (again.keep) item.payload ??= payload
        this.#makeReady(key, item)
      }
      again.when.then(resume, resume)
    } else if (again?.afterMs !== undefined) {
      item.turn++
      this.#wait(key, item, again.afterMs)
    } else {
      this.#items.delete(key)
    }
  }
}
