import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Violation } from '../model/violation.ts'
import { DeadLetters, type DeadLetter } from './dead-letters.ts'
import { Delivery, type DeliveryHooks, type DeliveryTimes, type QuietTimes } from './delivery.ts'
import { DeliveryState } from './delivery-state.ts'
import { Journal } from './journal.ts'
import type { MessageOptions } from './message.ts'
import type { Provider } from './provider.ts'
import type { Only } from './route.ts'

/** Someone to tell. */
export interface Target {
  /** Stays the same across restarts: what is still to be delivered is kept by it. */
  name: string
  provider: Provider
  only?: Only
  quiet?: QuietTimes
}

export interface OutboxOptions extends DeliveryHooks {
  targets: readonly Target[]
  /** Its own folder. Absent: in memory, lost with the process. */
  directory?: string
  /** For links into Git. */
  message?: MessageOptions
  /** Bytes on disk at most (default 64 MiB), entries in memory at most (10,000). Beyond that the oldest are told as a count. */
  limits?: { maxBytes?: number; maxUnsaved?: number; segmentBytes?: number }
  times?: Partial<DeliveryTimes>
  /** Something is wrong with the disk: for the log. */
  onProblem?(problem: string, error?: unknown): void
}

/**
 * Takes violations and tells all targets, each in its own time. `append` is one write and never waits, never throws: call it
 * before the denial is answered, and a SIGKILL right after loses nothing. Delivery is at least once, with the same id.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #journal: Journal
  readonly #dead: DeadLetters
  readonly #states = new Map<string, DeliveryState>()
  #deliveries: Delivery[] = []
  #started = false
  /** Between two sets of targets everything is kept. */
  #changing = false

  /** @throws Error where the folder cannot be made or read. */
  constructor(options: OutboxOptions) {
    this.#options = options
    const { directory, limits = {} } = options
    const onProblem = this.#problem
    if (directory !== undefined) mkdirSync(directory, { recursive: true, mode: 0o700 })
    const journal = this.#inside('journal')
    this.#journal = new Journal({
      ...(journal === undefined ? {} : { directory: journal }),
      ...limits,
      onProblem,
    })
    this.#dead = new DeadLetters(this.#inside('dead'), onProblem)
    this.#prepare(options.targets)
    this.#deliveries = options.targets.map((target) => this.#deliver(target))
  }

  start(): void {
    this.#started = true
    for (const delivery of this.#deliveries) delivery.start()
  }

  append(violation: Violation): void {
    if (this.#deliveries.length === 0 && !this.#changing) return
    this.#journal.append(violation)
    for (const delivery of this.#deliveries) delivery.notify()
  }

  /**
   * Tells these from now on. Those that stay, by name, go on where they are; a new one begins with what comes after this call.
   * What is appended meanwhile is as safe as ever.
   */
  async retarget(targets: readonly Target[], flushMs = 2000): Promise<void> {
    this.#changing = true
    const before = this.#deliveries
    for (const [name, state] of this.#states)
      if (!targets.some((target) => target.name === name)) state.retire()
    this.#prepare(targets)
    await Promise.all(before.map((delivery) => delivery.stop(flushMs)))
    for (const delivery of before) delivery.detach()
    for (const name of this.#states.keys()) {
      if (!targets.some((target) => target.name === name)) this.#states.delete(name)
    }
    this.#deliveries = targets.map((target) => this.#deliver(target))
    this.#changing = false
    if (this.#started) this.start()
  }

  /** Violations that wait, by target. */
  waiting(): [target: string, count: number][] {
    return this.#deliveries.map((delivery) => [delivery.name, delivery.waiting])
  }

  get deadLetterCount(): number {
    return this.#dead.count
  }

  /** What was given up, oldest first. */
  deadLetters(): DeadLetter[] {
    return this.#dead.list()
  }

  /** Sends one of them again. False where there is none of this id, or its target is no more. */
  resend(id: string): boolean {
    const letter = this.#dead.list().find((one) => one.id === id)
    const delivery = this.#deliveries.find(({ name }) => name === letter?.provider)
    if (letter === undefined || delivery === undefined) return false
    delivery.resend(letter.violations)
    this.#dead.take(id)
    return true
  }

  /** Delivers what it can within so many milliseconds. What is left waits on disk, where there is one. */
  async stop(flushMs = 2000): Promise<void> {
    await Promise.all(this.#deliveries.map((delivery) => delivery.stop(flushMs)))
    this.#journal.close()
  }

  /** Knows where each target is, and forgets those that are none any more. */
  #prepare(targets: readonly Target[]): void {
    const newest = this.#journal.lastSeq
    for (const { name } of targets) {
      if (this.#states.has(name)) continue
      const state = new DeliveryState(this.#stateFile(name), this.#problem)
      state.load(newest)
      this.#journal.startAfter(state.floor)
      this.#states.set(name, state)
    }
    const providers = this.#inside('providers')
    if (providers === undefined) return
    forgetOthers(
      providers,
      targets.map(({ name }) => this.#stateFile(name)),
      this.#problem,
    )
  }

  #deliver(target: Target): Delivery {
    const { sent, failed, givenUp, digested, message, times } = this.#options
    return new Delivery({
      ...target,
      journal: this.#journal,
      state: this.#states.get(target.name)!,
      dead: this.#dead,
      settled: () => this.#release(),
      ...(message === undefined ? {} : { message }),
      ...(times === undefined ? {} : { times }),
      ...(sent === undefined ? {} : { sent }),
      ...(failed === undefined ? {} : { failed }),
      ...(givenUp === undefined ? {} : { givenUp }),
      ...(digested === undefined ? {} : { digested }),
    })
  }

  readonly #problem = (problem: string, error?: unknown): void => this.#options.onProblem?.(problem, error)

  #inside(name: string): string | undefined {
    const { directory } = this.#options
    return directory === undefined ? undefined : join(directory, name)
  }

  #stateFile(name: string): string | undefined {
    return this.#inside(join('providers', `${encodeURIComponent(name)}.json`))
  }

  #release(): void {
    this.#journal.release(Math.min(...[...this.#states.values()].map(({ floor }) => floor)))
  }
}

/** Of targets that the configuration names no more: were they kept, one that comes back would be told of old things. */
function forgetOthers(
  directory: string,
  files: readonly (string | undefined)[],
  onProblem: (problem: string) => void,
): void {
  const wanted = new Set(files)
  let names: string[] = []
  try {
    names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  } catch {
    return
  }
  for (const name of names) {
    const file = join(directory, name)
    if (wanted.has(file)) continue
    onProblem(
      `${decodeURIComponent(name.slice(0, -5))} is not in the configuration any more: what it was not told yet is dropped`,
    )
    rmSync(file, { force: true })
  }
}
