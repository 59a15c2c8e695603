import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { Violation } from '../model/violation.ts'
import { EventRecorder } from '../report/event-recorder.ts'
import type { ViolationHistory } from '../report/violation-history.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Core } from './core.ts'
import { eventWriter } from './event-writer.ts'
import { openHistory } from './history.ts'
import { Outlet } from './outlet.ts'
import type { PolicyReporting } from './policy-reporting.ts'
import { withOwners } from './owners-of.ts'
import type { Settings } from './settings.ts'

export interface AudienceOptions {
  settings: Settings
  /** The one in force; undefined before the cluster was reached. */
  core(): Core | undefined
  api: ClusterApi
  discovery: Discovery
  /** The name of this replica in Events. */
  instance: string
  logger: Logger
  metrics: Metrics
  reports: Pick<PolicyReporting, 'accept'>
}

/** Whoever hears of a violation: the history, Events in the cluster, and chats. */
export class Audience {
  readonly outlet: Outlet
  readonly history: ViolationHistory
  readonly #core: () => Core | undefined
  readonly #events: EventRecorder
  readonly #reports: Pick<PolicyReporting, 'accept'>

  constructor({ settings, core, api, discovery, instance, logger, metrics, reports }: AudienceOptions) {
    this.#core = core
    this.#reports = reports
    this.outlet = new Outlet({ settings, logger, metrics })
    this.history = openHistory(settings.config.stateDir, logger)
    this.#events = new EventRecorder({
      writer: eventWriter(api, discovery),
      instance,
      onError: (error) => logger.debug({ err: error }, 'an Event cannot be written'),
    })
  }

  /** With those who own its object. Safe when it returns. */
  accept(told: Violation): void {
    const core = this.#core()
    const violation = core === undefined ? told : withOwnersOf(told, core)
    this.history.append(violation)
    if (core?.settings.config.events ?? true) this.#events.accept(violation)
    if (core?.settings.config.policyReports === true) this.#reports.accept(violation)
    this.outlet.accept(violation)
  }

  /** Delivers what it can at once. The history can be read until `close`. */
  async stop(): Promise<void> {
    await Promise.all([this.#events.stop(), this.outlet.stop()])
  }

  close(): void {
    this.history.close()
  }
}

function withOwnersOf(violation: Violation, core: Core): Violation {
  const codeowners = (source: string) => core.stateOf(source)?.codeowners ?? []
  return withOwners(violation, { policy: core.policy, codeowners })
}
