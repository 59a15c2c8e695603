import type { Violation } from '../model/violation.ts'
import { makeMessage } from '../report/message.ts'
import { slackWebhook } from '../report/slack.ts'
import type { MessageProvider } from '../report/provider.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Settings } from './settings.ts'

/** Takes violations to the chats of the configuration. */
export class Outlet {
  readonly #logger: Logger
  readonly #metrics: Metrics
  #settings: Settings
  #waiting: Violation[] = []
  #timer: NodeJS.Timeout | undefined

  constructor({ settings, logger, metrics }: { settings: Settings; logger: Logger; metrics: Metrics }) {
    this.#settings = settings
    this.#logger = logger
    this.#metrics = metrics
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  accept(violation: Violation): void {
    this.#waiting.push(violation)
    this.#timer ??= setTimeout(() => void this.#flush(), 500)
  }

  waiting(): Iterable<readonly [string, number]> {
    return [['all', this.#waiting.length]]
  }

  reconfigure(settings: Settings): void {
    this.#settings = settings
  }

  async stop(): Promise<void> {
    await this.#flush()
  }

  async #flush(): Promise<void> {
    this.#timer = undefined
    const violations = this.#waiting
    this.#waiting = []
    if (violations.length === 0) return
    for (const target of this.#settings.config.notify) {
      if (!('slack' in target) || !('url' in target.slack)) continue
      const provider: MessageProvider = slackWebhook(target.slack)
      const bundles = Map.groupBy(
        violations,
        (one) => `${one.object.kind}/${one.object.name}/${one.actor.username}`,
      )
      for (const bundle of bundles.values()) {
        try {
          await provider.send(makeMessage(bundle), AbortSignal.timeout(10_000))
          this.#metrics.messageSent('slack', bundle.length)
        } catch (error) {
          this.#logger.warn({ err: error }, 'chat')
        }
      }
    }
  }
}
