import type { AgentProgressReader } from '../cluster/agent-progress.ts'
import { stringifyJson } from '../object/json.ts'
import type { ViolationHistory } from '../report/violation-history.ts'
import { Screen, type ScreenSettings } from '../screen/screen.ts'
import type { Condition } from '../telemetry/condition.ts'
import { HttpServer } from '../telemetry/http.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Core } from './core.ts'
import { addDeadLetterRoutes } from './dead-letter-routes.ts'
import type { Exceptions } from './exceptions.ts'
import { Gauges } from './gauges.ts'
import { answerPush } from './git-push.ts'
import type { Outlet } from './outlet.ts'
import { screenFacts } from './screen-facts.ts'
import { statusOf } from './status.ts'
import type { Writers } from './writers.ts'

export interface GuardHttpOptions {
  /** The one in force; undefined before the cluster was reached. */
  core(): Core | undefined
  conditions(): Condition[]
  metrics: Metrics
  outlet: Outlet
  history: ViolationHistory
  exceptions: Exceptions
  progress: Pick<AgentProgressReader, 'of'>
  writers: Writers
  screen: ScreenSettings
  logger: Logger
}

/** All that a guard serves over plain HTTP: health, metrics, push notifications, status, and the screen for people. */
export class GuardHttp {
  readonly #server: HttpServer
  readonly #screen: Screen

  constructor(options: GuardHttpOptions) {
    const { core, metrics, logger } = options
    const gauges = new Gauges(metrics)
    this.#server = new HttpServer({
      conditions: options.conditions,
      metrics: {
        registry: metrics.registry,
        text: () => {
          const running = core()
          if (running !== undefined) gauges.read(running)
          return metrics.text()
        },
      },
      git: (headers, body) => answerPush(core(), headers, body),
      onError: (error) => logger.error({ err: error }, 'HTTP'),
    })
    this.#screen = screenOf(options)
    this.#addRoutes(options)
  }

  /** Returns the port. @throws Error where the port is taken. */
  listen(port: number): Promise<number> {
    return this.#server.listen(port)
  }

  /** Shows to others, or shows other things, from now on. */
  reconfigure(screen: ScreenSettings): void {
    this.#screen.reconfigure(screen)
  }

  async close(): Promise<void> {
    this.#screen.close()
    await this.#server.close()
  }

  #addRoutes({ core, conditions, outlet, writers }: GuardHttpOptions): void {
    const { app } = this.#server
    app.get('/status', (_request, response) => {
      const waiting = Object.fromEntries(outlet.waiting())
      const deadLetters = outlet.deadLetterCount
      response.json(statusOf(core(), { conditions: conditions(), waiting, deadLetters }))
    })
    app.get('/writers', (_request, response) => {
      response.type('json').send(stringifyJson(writers.toJson()))
    })
    this.#screen.addTo(app)
    addDeadLetterRoutes(app, {
      admitted: this.#screen.admitted,
      letters: () => outlet.deadLetters(),
      resend: (id) => outlet.resend(id),
    })
  }
}

function screenOf({
  screen,
  core,
  conditions,
  outlet,
  exceptions,
  progress,
  history,
  logger,
}: GuardHttpOptions) {
  return new Screen({
    ...screen,
    violations: history,
    facts: screenFacts({
      core,
      conditions,
      waiting: () => outlet.waiting(),
      exceptions: () => exceptions.open(),
      progress,
    }),
    onError: (error) => logger.debug({ err: error }, 'the screen'),
  })
}
