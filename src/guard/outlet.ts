import { join } from 'node:path'
import type { Violation } from '../model/violation.ts'
import type { DeadLetter } from '../report/dead-letters.ts'
import { Outbox, type Target } from '../report/outbox.ts'
import type { QuietTimes } from '../report/delivery.ts'
import { providerOf } from '../report/provider-of.ts'
import { isQuiet, type Quiet } from '../report/quiet.ts'
import { ThreadStore } from '../report/threads.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Settings } from './settings.ts'

export interface OutletOptions {
  settings: Settings
  logger: Logger
  metrics: Metrics
}

/** Takes violations to the chats of the configuration in force, through an outbox in its `stateDir`. */
export class Outlet {
  readonly #options: OutletOptions
  #settings: Settings
  #outbox: Outbox | undefined
  #changing: Promise<void> = Promise.resolve()

  constructor(options: OutletOptions) {
    this.#options = options
    this.#settings = options.settings
  }

  start(): void {
    this.#outbox = this.#open(this.#settings)
  }

  /** Safe when it returns; never waits, never throws. */
  accept(violation: Violation): void {
    this.#outbox?.append(violation)
  }

  /** Violations that wait, by target. */
  waiting(): Iterable<readonly [string, number]> {
    return this.#outbox?.waiting() ?? []
  }

  get deadLetterCount(): number {
    return this.#outbox?.deadLetterCount ?? 0
  }

  /** What was given up, oldest first. */
  deadLetters(): DeadLetter[] {
    return this.#outbox?.deadLetters() ?? []
  }

  /** Sends one of them again. False where there is none of this id, or its target is no more. */
  resend(id: string): boolean {
    return this.#outbox?.resend(id) ?? false
  }

  /** Tells the targets of another configuration from now on. What waits for those that stay goes on waiting. */
  reconfigure(settings: Settings): void {
    const before = this.#settings
    this.#settings = settings
    if (outline(settings) === outline(before)) return
    const outbox = this.#outbox
    if (settings.config.stateDir === before.config.stateDir) {
      this.#changing = this.#changing.then(() => outbox?.retarget(targetsOf(settings)))
      return
    }
    this.#outbox = this.#open(settings)
    this.#changing = this.#changing.then(() => outbox?.stop())
  }

  /** Delivers what it can at once; the rest waits on disk, where there is one. */
  async stop(): Promise<void> {
    await this.#changing
    await this.#outbox?.stop()
  }

  #open(settings: Settings): Outbox {
    const { stateDir } = settings.config
    try {
      return this.#make(settings, stateDir === undefined ? {} : { directory: join(stateDir, 'outbox') })
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the outbox cannot be on disk: it is in memory')
      return this.#make(settings, {})
    }
  }

  #make(settings: Settings, place: { directory?: string }): Outbox {
    const { logger, metrics } = this.#options
    const outbox = new Outbox({
      ...place,
      targets: targetsOf(settings),
      message: {
        mentionsOf: (owner) => this.#settings.config.mentions.get(owner),
        repositoryOf: (source) =>
          this.#settings.sources.find(({ policy }) => policy.name === source)?.policy.repository,
      },
      sent: (provider, violations) => metrics.messageSent(provider, violations),
      failed: (provider, error, retryInMs) => {
        metrics.messageFailed(provider)
        logger.warn({ provider, err: error, retryMs: Math.round(retryInMs) }, 'a message cannot be delivered')
      },
      givenUp: (provider, error, violations) => {
        metrics.messageDead(provider)
        logger.error({ provider, err: error, violations }, 'a message was given up')
      },
      digested: (provider, count) => {
        metrics.violationsDigested(provider, count)
        logger.warn({ provider, count }, 'the outbox is full: the oldest are told as a count')
      },
      onProblem: (problem, error) => logger.warn({ err: error }, `outbox: ${problem}`),
    })
    outbox.start()
    return outbox
  }
}

function targetsOf({ config }: Settings): Target[] {
  return config.notify.map((target) => ({
    name: target.name,
    only: target.only,
    provider: providerOf(target, new ThreadStore({ file: threadsFile(config.stateDir, target.name) })),
    ...(target.quiet === undefined ? {} : { quiet: quietTimes(target.quiet) }),
  }))
}

function threadsFile(stateDir: string | undefined, target: string): string | undefined {
  if (stateDir === undefined) return undefined
  return join(stateDir, 'outbox', 'threads', `${encodeURIComponent(target)}.jsonl`)
}

function quietTimes(quiet: Quiet): QuietTimes {
  return { except: quiet.except, isQuiet: (at) => isQuiet(quiet, at) }
}

/** What makes an outbox another one. Secrets are read anew for each message. */
function outline({ config }: Settings): string {
  return JSON.stringify([config.stateDir, config.notify])
}
