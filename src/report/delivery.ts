/** Brings the violations of the journal to one provider, whatever becomes of the others. */
import type { Severity, Violation } from '../model/violation.ts'
import { backoff, BACKOFF_TIMES, type BackoffTimes } from './backoff.ts'
import { BUNDLE_TIMES, Bundler, MOST, type BundleTimes } from './bundle.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Deferred, DeliveryState } from './delivery-state.ts'
import type { Entry, Journal, Reader } from './journal.ts'
import { makeMessage, type MessageOptions } from './message.ts'
import { addOverflow, overflowViolation } from './overflow.ts'
import type { Provider } from './provider.ts'
import { isFor, type Only } from './route.ts'
import { severityOf } from './severity.ts'
import { SendError } from './send-error.ts'

/** What happened, for metrics and the log. */
export interface DeliveryHooks {
  sent?(provider: string, violations: number): void
  failed?(provider: string, error: Error, retryInMs: number): void
  givenUp?(provider: string, error: Error, violations: number): void
  digested?(provider: string, violations: number): void
}

export interface DeliveryTimes {
  bundle: BundleTimes
  backoff: BackoffTimes
  /** Milliseconds that one attempt may take. */
  timeout: number
  /** Milliseconds after which what cannot be delivered is given up. */
  giveUp: number
}

export const DELIVERY_TIMES: DeliveryTimes = {
  bundle: BUNDLE_TIMES,
  backoff: BACKOFF_TIMES,
  timeout: 15_000,
  giveUp: 24 * 3_600_000,
}

/** When a target is left alone. */
export interface QuietTimes {
  /** @param at milliseconds since the epoch. */
  isQuiet(at: number): boolean
  /** Told at once all the same. */
  except: readonly Severity[]
}

export interface DeliveryOptions extends DeliveryHooks {
  name: string
  provider: Provider
  only?: Only
  quiet?: QuietTimes
  journal: Journal
  state: DeliveryState
  dead: DeadLetters
  /** Called when entries were settled: the journal may let go of them. */
  settled(): void
  message?: MessageOptions
  times?: Partial<DeliveryTimes>
}

interface Waiting extends Entry {
  readAt: number
  tries: number
}

/** Entries read ahead: what a digest holds, twice. */
const READ_AHEAD = 2 * MOST
/** Tries of one message that a receiver which answers refuses, before others go first. */
const TRIES = 5
/** Milliseconds. */
const LOOK = 200
const DEFERRED_MOST = 10 * 60_000

export class Delivery {
  readonly name: string
  readonly #options: DeliveryOptions
  readonly #times: DeliveryTimes
  #reader: Reader
  /** Looks beyond what is held in quiet hours, for what is told all the same. There only then. */
  #scout: Reader | undefined
  /** What came up to here came in quiet hours: it is told together. */
  #heldUpTo = 0
  readonly #bundler: Bundler
  readonly #aborted = new AbortController()
  #waiting: Waiting[] = []
  #lastRead: number
  #failures = 0
  #notBefore = 0
  #stopping = false
  #wake: () => void = () => undefined
  #woken = false
  #running: Promise<void> | undefined

  constructor(options: DeliveryOptions) {
    this.name = options.name
    this.#options = options
    this.#times = { ...DELIVERY_TIMES, ...options.times }
    this.#bundler = new Bundler(this.#times.bundle)
    this.#lastRead = options.state.floor
    this.#reader = this.#fromFloor()
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Something was appended, or there is another reason to look. */
  notify(): void {
    this.#woken = true
    this.#wake()
  }

  /** Violations that are not delivered yet. */
  get waiting(): number {
    const { state, journal } = this.#options
    const unread = Math.max(0, journal.lastSeq - this.#lastRead)
    const left =
      this.#scout === undefined
        ? unread + this.#waiting.length
        : Math.max(0, journal.lastSeq - state.floor - state.ahead)
    const deferred = state.deferred.reduce((sum, { violations }) => sum + violations.length, 0)
    return left + deferred + (state.overflow?.count ?? 0)
  }

  /** Tries these again, ahead of everything. */
  resend(violations: readonly Violation[]): void {
    const { state } = this.#options
    state.deferred = [{ violations: [...violations], tries: 0, dueAt: 0 }, ...state.deferred]
    state.save()
    this.notify()
  }

  /** Delivers what it can at once, without bundling, for so many milliseconds. Then nothing is under way any more. */
  async stop(flushMs: number): Promise<void> {
    this.#stopping = true
    this.notify()
    const timer = setTimeout(() => this.#aborted.abort(), flushMs)
    await this.#running
    clearTimeout(timer)
    this.#options.state.save()
    this.#options.state.close()
  }

  /** Reads the journal no more: another takes over. */
  detach(): void {
    this.#options.journal.forget(this.#reader)
    if (this.#scout !== undefined) this.#options.journal.forget(this.#scout)
  }

  async #run(): Promise<void> {
    const { signal } = this.#aborted
    while (!signal.aborted) {
      try {
        if (await this.#turn()) return
      } catch (error) {
        // A mistake of ours must not end deliveries: it is told, and tried again.
        this.#failed(error)
      }
    }
  }

  /** True when there is nothing more to do. */
  async #turn(): Promise<boolean> {
    this.#woken = false
    this.#heedQuiet()
    this.#read()
    const pause = Math.max(0, this.#notBefore - Date.now())
    if (pause > 0) {
      await this.#sleep(pause, false)
      return false
    }
    const waitMs = await this.#step()
    if (waitMs === 0) return false
    if (this.#stopping && (this.waiting === 0 || this.#isResting())) return true
    // While some wait already, looking now and then is enough, and cheaper than at each that comes.
    const idle = this.#waiting.length === 0
    await this.#sleep(this.#stopping ? 20 : Math.min(waitMs, idle ? 60_000 : LOOK), idle)
    return false
  }

  /** Sends one thing that is due. Returns 0, or after how long to look again. */
  async #step(): Promise<number> {
    const { state, provider } = this.#options
    const now = Date.now()
    if (state.overflow !== undefined && this.#scout === undefined) return await this.#sendOverflow()
    const due = state.deferred.find((one) => this.#mayGo(one) && (one.dueAt <= now || this.#stopping))
    if (due !== undefined) return await this.#sendDeferred(due)
    const untilDeferred = state.deferred.reduce((least, { dueAt }) => Math.min(least, dueAt - now), 60_000)
    if (provider.takes === 'violations') {
      const batch = this.#waiting.slice(0, provider.parallel)
      if (batch.length === 0) return untilDeferred
      await Promise.all(batch.map((one) => this.#sendWaiting([one])))
      return 0
    }
    const together = this.#together()
    if (together.length > 0) {
      await this.#sendWaiting(together)
      return 0
    }
    const full = this.#waiting.length >= READ_AHEAD || this.#stopping
    const choice = this.#bundler.choose(this.#waiting, now, full)
    if (choice === undefined) return untilDeferred
    if ('waitMs' in choice) return Math.min(choice.waitMs, untilDeferred)
    const sent = await this.#sendWaiting(choice.send)
    if (sent) this.#bundler.sent(choice.send.map(violationOf), Date.now())
    return 0
  }

  /** Those that go in one message whatever else waits: what was tried before, then what was held while it was quiet. */
  #together(): Waiting[] {
    const tried = new Set(this.#options.state.attempt)
    const again = tried.size === 0 ? [] : this.#waiting.filter(({ seq }) => tried.has(seq))
    if (again.length > 0) return again
    return this.#waiting.filter(({ seq }) => seq <= this.#heldUpTo).slice(0, MOST)
  }

  #fromFloor(): Reader {
    const { journal, state } = this.#options
    this.#lastRead = state.floor
    return journal.reader(state.floor, (entries) => this.#dropped(entries))
  }

  /**
   * Quiet hours begin or end. While they last the reader stays where it is, so that what the journal lets go is told as a
   * count; nothing that is held takes memory.
   */
  #heedQuiet(): void {
    const { quiet, journal, state } = this.#options
    const isQuiet = quiet?.isQuiet(Date.now()) ?? false
    if (isQuiet === (this.#scout !== undefined)) return
    journal.forget(this.#reader)
    if (this.#scout !== undefined) journal.forget(this.#scout)
    this.#waiting = []
    this.#reader = this.#fromFloor()
    this.#scout = isQuiet ? journal.reader(state.floor, () => undefined) : undefined
    if (!isQuiet) this.#heldUpTo = journal.lastSeq
  }

  #isExempt(violation: Violation): boolean {
    return this.#options.quiet?.except.includes(severityOf(violation)) ?? false
  }

  /** In quiet hours what a person sends again goes, and what is told all the same. */
  #mayGo({ violations, tries }: Deferred): boolean {
    return this.#scout === undefined || tries === 0 || violations.some((one) => this.#isExempt(one))
  }

  /** Quiet, and nothing left that goes all the same. */
  #isResting(): boolean {
    const { state } = this.#options
    return (
      this.#scout !== undefined &&
      this.#waiting.length === 0 &&
      !state.deferred.some((one) => this.#mayGo(one))
    )
  }

  #read(): void {
    const { state, only = {}, provider } = this.#options
    const most = provider.takes === 'messages' ? READ_AHEAD : provider.parallel * 4
    const skipped: number[] = []
    while (this.#waiting.length < most) {
      const entries = (this.#scout ?? this.#reader).next(most - this.#waiting.length)
      if (entries.length === 0) break
      for (const { seq, violation } of entries) {
        if (this.#scout === undefined) {
          // What lies between could not be read: nobody can deliver it.
          for (let lost = this.#lastRead + 1; lost < seq; lost++) skipped.push(lost)
          this.#lastRead = seq
        }
        if (state.isDone(seq)) continue
        if (!isFor(only, violation)) skipped.push(seq)
        else if (this.#scout === undefined || this.#isExempt(violation))
          this.#waiting.push({ seq, violation, readAt: Date.now(), tries: 0 })
      }
    }
    if (skipped.length > 0) this.#settle(skipped)
  }

  /** True when it was delivered. */
  async #sendWaiting(batch: readonly Waiting[]): Promise<boolean> {
    if (this.#options.provider.takes === 'messages') this.#options.state.begin(batch.map(({ seq }) => seq))
    const error = await this.#attempt(batch.map(violationOf))
    if (error === undefined) {
      this.#take(batch)
      return true
    }
    for (const one of batch) one.tries++
    const tries = Math.min(...batch.map((one) => one.tries))
    const now = Date.now()
    const old =
      batch.every(({ violation }) => now - Date.parse(violation.time) > this.#times.giveUp) && tries > 2
    if (error.permanent || old) this.#give(batch.map(violationOf), error)
    else if (error.answered && tries >= TRIES && this.#waiting.length > batch.length) {
      this.#defer(batch.map(violationOf), tries)
    } else return false
    this.#take(batch)
    return false
  }

  async #sendDeferred(deferred: Deferred): Promise<number> {
    const { state, provider } = this.#options
    const { violations } = deferred
    const part = provider.takes === 'messages' ? violations : violations.slice(0, 1)
    const error = await this.#attempt(part)
    const now = Date.now()
    const old = part.every(({ time }) => now - Date.parse(time) > this.#times.giveUp) && deferred.tries > 2
    if (error === undefined || error.permanent || old) {
      if (error !== undefined) this.#give(part, error)
      deferred.violations = violations.slice(part.length)
      if (deferred.violations.length === 0)
        state.deferred = state.deferred.filter((other) => other !== deferred)
    } else {
      deferred.tries++
      deferred.dueAt = now + this.#deferral(deferred.tries)
    }
    state.save()
    return 0
  }

  async #sendOverflow(): Promise<number> {
    const { state } = this.#options
    const overflow = state.overflow!
    const error = await this.#attempt([overflowViolation(this.name, overflow)])
    if (error !== undefined && !error.permanent) return 0
    // More may have been added while it was under way.
    const left = state.overflow!.count - overflow.count
    state.overflow = left > 0 ? { ...state.overflow!, count: left } : undefined
    state.save()
    return 0
  }

  async #attempt(violations: readonly Violation[]): Promise<SendError | undefined> {
    const { provider, message } = this.#options
    const signal = AbortSignal.any([this.#aborted.signal, AbortSignal.timeout(this.#times.timeout)])
    try {
      if (provider.takes === 'messages') await provider.send(makeMessage(violations, message), signal)
      else for (const violation of violations) await provider.send(violation, signal)
    } catch (error) {
      return this.#failed(error)
    }
    this.#failures = 0
    if (provider.takes === 'messages') this.#notBefore = Date.now() + provider.interval
    this.#options.sent?.(this.name, violations.length)
    return undefined
  }

  #failed(error: unknown): SendError {
    const known =
      error instanceof SendError
        ? error
        : new SendError(error instanceof Error ? error.message : String(error))
    if (known.permanent) return known
    this.#failures++
    const retry = backoff(this.#failures, { retryAfterMs: known.retryAfterMs, times: this.#times.backoff })
    this.#notBefore = Math.max(this.#notBefore, Date.now() + retry)
    if (!this.#aborted.signal.aborted) this.#options.failed?.(this.name, known, retry)
    return known
  }

  #give(violations: readonly Violation[], error: SendError): void {
    this.#options.dead.add({
      provider: this.name,
      at: new Date().toISOString(),
      error: error.message,
      violations,
    })
    this.#options.givenUp?.(this.name, error, violations.length)
  }

  #take(batch: readonly Waiting[]): void {
    const gone = new Set(batch)
    this.#waiting = this.#waiting.filter((one) => !gone.has(one))
    this.#settle(batch.map(({ seq }) => seq))
  }

  #settle(seqs: readonly number[]): void {
    const { state, settled } = this.#options
    state.settle(seqs)
    settled()
  }

  #dropped(entries: readonly Entry[]): void {
    const { state, only = {} } = this.#options
    const going = new Set(this.#waiting.map(({ seq }) => seq))
    const lost = entries.filter(
      ({ seq, violation }) => !state.isDone(seq) && !going.has(seq) && isFor(only, violation),
    )
    const last = entries.at(-1)?.seq ?? this.#lastRead
    const seqs = Array.from(
      { length: Math.max(0, last - this.#lastRead) },
      (_, index) => this.#lastRead + 1 + index,
    )
    this.#lastRead = Math.max(this.#lastRead, last)
    if (lost.length > 0) {
      state.overflow = addOverflow(state.overflow, lost.map(violationOf))
      state.save()
      this.#options.digested?.(this.name, lost.length)
    }
    state.settle(seqs)
  }

  /** On disk before it is settled: a crash between the two repeats it, and loses nothing. */
  #defer(violations: Violation[], tries: number): void {
    const { state } = this.#options
    state.deferred.push({ violations, tries, dueAt: Date.now() + this.#deferral(tries) })
    state.save()
  }

  #deferral(tries: number): number {
    return backoff(tries, { times: { ...this.#times.backoff, most: DEFERRED_MOST } })
  }

  /** Until then, until the end, and, where wanted, until something new comes. */
  async #sleep(milliseconds: number, interruptible: boolean): Promise<void> {
    const { signal } = this.#aborted
    if (interruptible && this.#woken && !this.#stopping) return
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#wake = () => undefined
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      timer.unref()
      signal.addEventListener('abort', done)
      if (interruptible) this.#wake = done
    })
  }
}

function violationOf({ violation }: { violation: Violation }): Violation {
  return violation
}
