import { randomUUID } from 'node:crypto'
import type { JsonObject, KubeObject } from '../model/json.ts'
import type { Violation } from '../model/violation.ts'
import { kubernetesEvent, seriesKey, seriesPatch } from './kubernetes-event.ts'

/** The cluster as Events need it. Each may reject. */
export interface EventWriter {
  /** Of an object that is there. */
  uidOf(object: Violation['object']): Promise<string | undefined>
  create(event: KubeObject): Promise<void>
  patch(at: { namespace: string; name: string }, patch: JsonObject): Promise<void>
}

export interface EventRecorderOptions {
  writer: EventWriter
  /** Who tells: the replica. */
  instance: string
  onError(error: unknown): void
  /** Milliseconds; see the defaults below. */
  times?: Partial<EventTimes>
}

export interface EventTimes {
  /** After so long without another, the next is an Event of its own. */
  series: number
  /** Between two tellings of a series' count, at least. */
  flush: number
  /** Between two writes, at least, once the burst is used up. */
  pace: number
}

const TIMES: EventTimes = { series: 6 * 60_000, flush: 10_000, pace: 200 }
/** Writes that may follow each other at once. */
const BURST = 25
const WAITING = 500
const SERIES = 2000

interface Series {
  namespace: string
  name: string
  /** Resolves when the Event is there; false where it could not be written. */
  written: boolean
  count: number
  told: number
  lastTime: string
  lastAt: number
}

/**
 * Tells violations as Events on the objects, as Kubernetes' own clients do: what is repeated becomes a count, and a flood is cut off.
 * `accept` never waits and never throws; nobody's review waits for an Event.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #times: EventTimes
  readonly #series = new Map<string, Series>()
  readonly #waiting: (() => Promise<void>)[] = []
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #tokens = BURST
  #filledAt = Date.now()
  #dropped = 0
  #stopped = false

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
  }

  /** Violations of which no Event tells, as there were too many. */
  get dropped(): number {
    return this.#dropped
  }

  accept(violation: Violation): void {
    if (this.#stopped || violation.object.name === '') return
    const key = seriesKey(violation)
    const now = Date.now()
    const known = this.#series.get(key)
    if (known !== undefined && now - known.lastAt < this.#times.series) {
      known.count++
      known.lastTime = violation.time
      known.lastAt = now
      this.#timer ??= setTimeout(() => this.#flush(), this.#times.flush).unref()
      return
    }
    if (this.#waiting.length >= WAITING) return void this.#dropped++
    const series: Series = {
      namespace: violation.object.namespace === '' ? 'default' : violation.object.namespace,
      name: `gitops-guard.${randomUUID().slice(0, 18)}`,
      written: false,
      count: 1,
      told: 1,
      lastTime: violation.time,
      lastAt: now,
    }
    this.#series.delete(key)
    this.#series.set(key, series)
    if (this.#series.size > SERIES) this.#series.delete(this.#series.keys().next().value!)
    this.#enqueue(() => this.#create(violation, series))
  }

  /** Writes what is waiting, for so many milliseconds at most. */
  async stop(ms = 1000): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#flush()
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, ms).unref())
    await Promise.race([this.#running, timeout])
    this.#waiting.length = 0
  }

  #flush(): void {
    this.#timer = undefined
    for (const series of this.#series.values()) {
      if (series.count === series.told) continue
      this.#enqueue(() => this.#tellCount(series))
    }
  }

  async #create(violation: Violation, series: Series): Promise<void> {
    const { writer, instance } = this.#options
    const uid = await writer.uidOf(violation.object)
    await writer.create(kubernetesEvent(violation, { name: series.name, uid, instance }))
    series.written = true
  }

  async #tellCount(series: Series): Promise<void> {
    const { count, lastTime, namespace, name, written } = series
    if (!written || count === series.told) return
    await this.#options.writer.patch({ namespace, name }, seriesPatch(count, lastTime))
    series.told = count
  }

  #enqueue(task: () => Promise<void>): void {
    this.#waiting.push(task)
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  async #run(): Promise<void> {
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) {
      await this.#token()
      await task().catch(this.#options.onError)
    }
  }

  async #token(): Promise<void> {
    const { pace } = this.#times
    const now = Date.now()
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#filledAt) / pace)
    this.#filledAt = now
    if (this.#tokens < 1 && !this.#stopped) {
      await new Promise<void>((resolve) => setTimeout(resolve, pace).unref())
      this.#tokens = 1
      this.#filledAt = Date.now()
    }
    this.#tokens--
  }
}
