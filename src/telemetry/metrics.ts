import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Decision } from '../model/verdict.ts'
import type { ViolationEvent } from '../model/violation.ts'

/** What is read when the metrics are asked for. Absent readers give no values. */
export interface MetricReaders {
  /** Milliseconds since the epoch. */
  now?(): number
  /** Declared and undeclared objects by status. */
  objects?(): Iterable<readonly [status: string, count: number]>
  /** Objects of sources that the guard brings in, by how they stand. */
  syncs?(): Iterable<readonly [source: string, state: string, count: number]>
  /** Violations that wait for delivery, by provider. */
  waiting?(): Iterable<readonly [provider: string, count: number]>
}

/** What is known of a watch. */
export interface WatchMetric {
  group: string
  kind: string
  /** Listed, and being told of changes. */
  live: boolean
  /** Milliseconds since the epoch at which it was last known to be up to date. */
  freshAt: number
}

/** What is known of a source. Milliseconds since the epoch. */
export interface SourceMetric {
  source: string
  revision: string
  committedAt: number
  /** When Git last answered. */
  askedAt: number
}

/** The guard's Prometheus metrics: a registry of its own, and a method for everything that is counted. */
export class Metrics {
  readonly registry = new Registry()
  readonly #now: () => number
  readonly #watches = new Map<string, WatchMetric>()
  readonly #sources = new Map<string, SourceMetric>()
  readonly #certificates = new Map<string, number>()

  readonly #reviews = this.#counter(
    'reviews_total',
    'Admission reviews answered, by verdict and the rule that decided.',
    ['verdict', 'rule'],
  )
  readonly #reviewSeconds = new Histogram({
    name: 'gitops_guard_review_duration_seconds',
    help: "Time from a review's head to its verdict.",
    labelNames: ['verdict'],
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5],
    registers: [this.registry],
  })
  readonly #violations = this.#counter('violations_total', 'Violations, by event and source.', [
    'event',
    'source',
  ])
  readonly #drift = this.#counter(
    'drift_found_total',
    'Differences between Git and the cluster that were found.',
    ['source', 'drift'],
  )
  readonly #repairs = this.#counter('drift_repaired_total', 'Differences that were put back.', ['source'])
  readonly #unrepairable = this.#counter(
    'drift_unrepairable_total',
    'Differences that the API server lets nobody put back.',
    ['source'],
  )
  readonly #repairSeconds = new Histogram({
    name: 'gitops_guard_repair_seconds',
    help: "Time from the receipt of a change to the API server's answer to its repair.",
    labelNames: ['source'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300],
    registers: [this.registry],
  })
  readonly #syncTried = this.#counter(
    'sync_applies_total',
    'Objects of sources that the guard brings in that it applied, or tried to.',
    ['source', 'result'],
  )
  readonly #syncPruned = this.#counter(
    'sync_prunes_total',
    'Objects that were deleted because Git dropped them.',
    ['source'],
  )
  readonly #syncSeconds = new Histogram({
    name: 'gitops_guard_sync_seconds',
    help: 'Time from when a commit was loaded until all of it was applied.',
    labelNames: ['source'],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
    registers: [this.registry],
  })
  readonly #sent = this.#counter('messages_sent_total', 'Messages that a provider accepted.', ['provider'])
  readonly #delivered = this.#counter(
    'violations_delivered_total',
    'Violations that are in a message that a provider accepted.',
    ['provider'],
  )
  readonly #failed = this.#counter('messages_failed_total', 'Attempts to send a message that failed.', [
    'provider',
  ])
  readonly #dead = this.#counter(
    'messages_dead_total',
    'Messages that were given up and are in the dead-letter list.',
    ['provider'],
  )
  readonly #digested = this.#counter(
    'violations_digested_total',
    'Violations that are told as a count only, as the outbox was full.',
    ['provider'],
  )
  readonly #requests = this.#counter(
    'api_requests_total',
    'Requests to the API server, by method and status code.',
    ['method', 'code'],
  )
  readonly #configValid = new Gauge({
    name: 'gitops_guard_config_valid',
    help: 'Whether the configuration file is valid (1); if not (0), the last good one is in force.',
    registers: [this.registry],
  })

  constructor(readers: MetricReaders = {}) {
    this.#now = readers.now ?? Date.now
    this.#configValid.set(1)
    this.#gauges(readers)
    collectDefaultMetrics({ register: this.registry })
  }

  /** A review was answered after so many milliseconds. */
  reviewed(verdict: Decision, rule: string, ms: number): void {
    this.#reviews.inc({ verdict, rule })
    this.#reviewSeconds.observe({ verdict }, ms / 1000)
  }

  violated(event: ViolationEvent, source: string | undefined): void {
    this.#violations.inc({ event, source: source ?? '' })
  }

  driftFound(source: string, drift: 'modified' | 'missing' | 'undeclared'): void {
    this.#drift.inc({ source, drift })
  }

  driftRepaired(source: string, ms: number): void {
    this.#repairs.inc({ source })
    this.#repairSeconds.observe({ source }, ms / 1000)
  }

  driftUnrepairable(source: string): void {
    this.#unrepairable.inc({ source })
  }

  /** The guard applied an object of a source that it brings in, or could not. */
  syncTried(source: string, succeeded: boolean): void {
    this.#syncTried.inc({ source, result: succeeded ? 'applied' : 'failed' })
  }

  syncPruned(source: string): void {
    this.#syncPruned.inc({ source })
  }

  /** All of a commit is applied, so many milliseconds after it was loaded. */
  syncApplied(source: string, ms: number): void {
    this.#syncSeconds.observe({ source }, ms / 1000)
  }

  watch(watch: WatchMetric): void {
    this.#watches.set(`${watch.group}/${watch.kind}`, watch)
  }

  watchEnded(group: string, kind: string): void {
    this.#watches.delete(`${group}/${kind}`)
  }

  source(source: SourceMetric): void {
    this.#sources.set(source.source, source)
  }

  sourceEnded(source: string): void {
    this.#sources.delete(source)
  }

  /** A provider accepted a message that tells of so many violations. */
  messageSent(provider: string, violations: number): void {
    this.#sent.inc({ provider })
    this.#delivered.inc({ provider }, violations)
  }

  messageFailed(provider: string): void {
    this.#failed.inc({ provider })
  }

  messageDead(provider: string): void {
    this.#dead.inc({ provider })
  }

  violationsDigested(provider: string, count: number): void {
    this.#digested.inc({ provider }, count)
  }

  apiRequest(method: string, code: number): void {
    this.#requests.inc({ method, code: String(code) })
  }

  /** A certificate, by what it is for, and when it expires in milliseconds since the epoch. */
  certificate(name: string, expiresAt: number): void {
    this.#certificates.set(name, expiresAt)
  }

  configValid(valid: boolean): void {
    this.#configValid.set(valid ? 1 : 0)
  }

  /** The text that Prometheus reads. */
  text(): Promise<string> {
    return this.registry.metrics()
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `gitops_guard_${name}`, help, labelNames, registers: [this.registry] })
  }

  /** A gauge whose values are made when they are asked for. */
  #read<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    values: () => Iterable<readonly [Record<Label, string>, number]>,
  ): void {
    new Gauge({
      name: `gitops_guard_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [labels, value] of values()) this.set(labels, value)
      },
    })
  }

  #gauges({ objects, syncs, waiting }: MetricReaders): void {
    const age = (at: number) => Math.max(0, (this.#now() - at) / 1000)
    const watches = () => [...this.#watches.values()]
    const sources = () => [...this.#sources.values()]
    const of = ({ group, kind }: WatchMetric) => ({ group, kind })
    this.#read('watch_state', 'Whether a kind is listed and watched (1) or not (0).', ['group', 'kind'], () =>
      watches().map((watch) => [of(watch), watch.live ? 1 : 0] as const),
    )
    this.#read(
      'watch_stale_seconds',
      'Time since the watch of a kind was last known to be up to date.',
      ['group', 'kind'],
      () => watches().map((watch) => [of(watch), age(watch.freshAt)] as const),
    )
    this.#read(
      'git_revision_info',
      'The commit of a source that is in force; always 1.',
      ['source', 'revision'],
      () => sources().map(({ source, revision }) => [{ source, revision }, 1] as const),
    )
    this.#read('git_age_seconds', 'Time since Git last answered for a source.', ['source'], () =>
      sources().map(({ source, askedAt }) => [{ source }, age(askedAt)] as const),
    )
    this.#read(
      'git_commit_timestamp_seconds',
      'When the commit of a source that is in force was made, in seconds since the epoch.',
      ['source'],
      () => sources().map(({ source, committedAt }) => [{ source }, committedAt / 1000] as const),
    )
    this.#read('certificate_expiry_seconds', 'Time until a certificate expires.', ['certificate'], () =>
      [...this.#certificates].map(
        ([certificate, at]) => [{ certificate }, (at - this.#now()) / 1000] as const,
      ),
    )
    this.#read('objects', 'Objects by status.', ['status'], () =>
      [...(objects?.() ?? [])].map(([status, count]) => [{ status }, count] as const),
    )
    this.#read(
      'sync_objects',
      'Objects of sources that the guard brings in: declared, applied, failing, unready, waiting, dropped (by Git, and still there).',
      ['source', 'state'],
      () => [...(syncs?.() ?? [])].map(([source, state, count]) => [{ source, state }, count] as const),
    )
    this.#read('messages_waiting', 'Violations that wait for delivery, by provider.', ['provider'], () =>
      [...(waiting?.() ?? [])].map(([provider, count]) => [{ provider }, count] as const),
    )
  }
}
