/** Wires one guard: for `serve`, the demo and tests alike. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Affects } from './cluster/admission-watch.ts'
import type { Connection } from './cluster/connection.ts'
import type { Environment } from './config/environment.ts'
import { acceptsException } from './guard/accepts-exception.ts'
import { affectedBy } from './guard/affected-by.ts'
import { Audience } from './guard/audience.ts'
import { Cluster } from './guard/cluster.ts'
import { ClusterObjects } from './guard/cluster-objects.ts'
import { conditionsOf } from './guard/conditions.ts'
import { Core } from './guard/core.ts'
import { AGENT_KINDS } from './guard/discoverer.ts'
import { enforcePreview } from './guard/enforce-preview.ts'
import { ExceptionDuties } from './guard/exception-duties.ts'
import { watchExceptions } from './guard/exception-watch.ts'
import { Exceptions, type Exception } from './guard/exceptions.ts'
import { GuardHttp } from './guard/http.ts'
import { knownForms } from './guard/known-forms.ts'
import { OpenTroubles } from './guard/open-troubles.ts'
import { PolicyReporting } from './guard/policy-reporting.ts'
import { Replicas } from './guard/replicas.ts'
import { screenSettings } from './guard/screen-settings.ts'
import { guardIdentity, GUARD_NAME, type Settings } from './guard/settings.ts'
import { syncCounts } from './guard/sync-status.ts'
import { Teller } from './guard/tell.ts'
import { TellOnce } from './guard/tell-once.ts'
import { ViewToken } from './guard/view-token.ts'
import { Webhook } from './guard/webhook.ts'
import { Writers } from './guard/writers.ts'
import type { ObjectRef } from './model/identity.ts'
import type { KubeObject } from './model/json.ts'
import type { GuardIdentity, Policy } from './model/policy.ts'
import { refOf } from './object/identity.ts'
import { Ledger } from './reconcile/ledger.ts'
import type { ScreenSettings } from './screen/screen.ts'
import type { Condition } from './telemetry/condition.ts'
import type { Logger } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'
import { releaseGarbage } from './telemetry/small-heap.ts'

export interface GuardOptions {
  settings: Settings
  connection: Connection
  environment: Environment
  logger: Logger
  ports: { https: number; http: number }
  /** Registered instead of the Service: for a guard outside the cluster. */
  webhookUrl?: string
}

/** A guard that runs. */
export interface Guard {
  /** Where it listens. */
  ports: { https: number; http: number }
  /** Puts another configuration in force once its sources are read; the one before stays until then. */
  reconfigure(settings: Settings): Promise<void>
  /** The configuration file cannot be used, and why: the last good one stays. */
  configInvalid(reason: string): void
  /** Stops answering once nobody asks any more. What it registered stays. */
  stop(): Promise<void>
}

/**
 * Starts a guard; resolves when it listens. It is ready, as `/readyz` says, once Git was read. An API server that does not
 * answer is waited for.
 *
 * @throws Error where a port is taken, or what the guard needs for itself is refused; nothing goes on then.
 */
export async function startGuard(options: GuardOptions): Promise<Guard> {
  const guard = new RunningGuard(options)
  try {
    await guard.start()
  } catch (error) {
    await guard.stop()
    throw error
  }
  return guard
}

/** Between two looks at what is over, in milliseconds. */
const LOOK_MS = 15_000
/** How long a replica looks at what there is before it takes a share of the work, at most: twice so many milliseconds. */
const LONGEST_LOOK_MS = 120_000

class RunningGuard implements Guard {
  ports: { https: number; http: number }
  readonly #options: GuardOptions
  readonly #logger: Logger
  readonly #namespace: string
  readonly #metrics: Metrics
  readonly #cluster: Cluster
  readonly #ledger = new Ledger()
  readonly #exceptions: Exceptions
  readonly #audience: Audience
  readonly #reports: PolicyReporting
  readonly #teller: Teller
  readonly #troubles: OpenTroubles
  readonly #writers: Writers
  readonly #viewToken: ViewToken
  readonly #webhook: Webhook
  readonly #stops: (() => unknown)[] = []
  /** In force, from when the cluster was reached. */
  #core: Core | undefined
  /** Of a new configuration whose sources are not read yet. */
  #upcoming: Core | undefined
  /** Why the configuration file cannot be used, while it cannot. */
  #invalid: string | undefined
  #http: GuardHttp | undefined
  #replicas: Replicas | undefined
  #stopping = false

  constructor(options: GuardOptions) {
    const { settings, connection, environment, logger } = options
    const { stateDir } = settings.config
    const core = () => this.#core
    this.#options = options
    this.#logger = logger
    this.#namespace = environment.namespace ?? GUARD_NAME
    this.ports = options.ports
    this.#metrics = new Metrics({
      objects: () => this.#core?.reconciler.counts().statuses ?? [],
      syncs: () => syncCounts(this.#core?.syncReports() ?? new Map()),
      waiting: () => this.#audience.outlet.waiting(),
    })
    const metrics = this.#metrics
    this.#cluster = new Cluster({
      connection,
      stateDir,
      logger,
      onRequest: ({ verb, code }) => metrics.apiRequest(verb, code),
      onChange: (affects) => this.#core?.checkWhere(affects),
      onMutator: (object, affects) => this.#mutator(object, affects),
    })
    const { api, discovery } = this.#cluster
    const instance = environment.replica ?? GUARD_NAME
    this.#reports = new PolicyReporting({
      api,
      discovery,
      replica: instance,
      members: () => this.#replicas?.members ?? [],
      owns: (key) => this.#replicas?.owns(key) ?? true,
      onError: (error) => logger.warn({ err: error }, 'policy reports cannot be kept'),
    })
    const reports = this.#reports
    this.#audience = new Audience({ settings, core, api, discovery, instance, logger, metrics, reports })
    this.#viewToken = new ViewToken(api, this.#namespace, (error) =>
      logger.warn(
        { err: error },
        'the token for the screen cannot be kept: violations are shown with a token of the cluster only',
      ),
    )
    this.#troubles = new OpenTroubles({
      file: stateDir === undefined ? undefined : join(stateDir, 'open.json'),
      send: (violation) => this.#teller.tell(violation),
      owns: (key) => this.#replicas?.owns(key) ?? true,
    })
    this.#teller = new Teller({
      logger,
      troubles: this.#troubles,
      metrics,
      ledger: this.#ledger,
      outlet: this.#audience,
    })
    this.#writers = new Writers({
      file: stateDir === undefined ? undefined : join(stateDir, 'writers.json'),
      onError: (error) => logger.warn({ err: error }, 'what is seen in audit mode cannot be kept'),
    })
    const duties = new ExceptionDuties({
      api,
      namespace: this.#namespace,
      core: () => this.#inForce,
      tell: (event, exception) => this.#teller.exception(event, exception),
      stepDown: (down) => this.#webhook.stepDown(down),
      logger,
    })
    this.#exceptions = new Exceptions({
      onChange: () => this.#core?.exceptionsChanged(),
      onEvent: (event, exception) => duties.happened(event, exception),
      accepts: (exception) => this.#acceptsException(exception),
    })
    this.#webhook = new Webhook({
      settings,
      environment,
      namespace: this.#namespace,
      webhookUrl: options.webhookUrl,
      api,
      discovery,
      core,
      ledger: this.#ledger,
      exceptions: this.#exceptions,
      writers: this.#writers,
      teller: this.#teller,
      onCertificate: (expiresAt) => metrics.certificate('serving', expiresAt),
      logger,
    })
  }

  async start(): Promise<void> {
    this.#audience.outlet.start()
    await this.#startHttp()
    await this.#cluster.reach()
    await this.#cluster.start()
    this.ports.https = await this.#webhook.start(this.ports.https)
    void this.#viewToken.load()
    await this.#watchCluster()
    const core = (this.#core = this.#makeCore(this.#options.settings))
    this.#followProgress(core.settings)
    await this.#watchReplicas()
    core.start()
    this.#lookForEnds()
    void core.loaded.then(() => this.#takeUp())
    this.#logger.info(
      { server: this.#options.connection.server, user: this.#cluster.username, ...this.ports },
      'the guard has started',
    )
  }

  async reconfigure(settings: Settings): Promise<void> {
    this.#invalid = undefined
    this.#metrics.configValid(true)
    // One whose sources cannot be read must not stand in the way of the one that mends it.
    void this.#upcoming?.stop()
    const next = this.#makeCore(settings)
    this.#upcoming = next
    // Two that repair by different configurations would fight.
    next.reconciler.pause()
    next.start()
    await next.loaded
    if (this.#stopping || this.#upcoming !== next) return next.stop()
    const before = this.#inForce
    this.#core = next
    this.#upcoming = undefined
    this.#audience.outlet.reconfigure(settings)
    this.#http?.reconfigure(this.#screenSettings(settings))
    this.#preview(before.policy)
    this.#followProgress(next.settings)
    await before.stop()
    // Kinds and exceptions may have come and gone meanwhile.
    next.kindsChanged()
    next.reconciler.resume()
    next.sync()
    await this.#webhook.register()
    this.#logger.info('the new configuration is in force')
  }

  configInvalid(reason: string): void {
    this.#invalid = reason
    this.#metrics.configValid(false)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#replicas?.stop()
    await Promise.all([this.#core?.stop(), this.#upcoming?.stop()])
    await this.#webhook.stop()
    await this.#cluster.stop()
    for (const stop of this.#stops) await stop()
    this.#exceptions.stop()
    this.#cluster.close()
    await this.#writers.stop()
    await this.#audience.stop()
    await this.#http?.close()
    this.#audience.close()
  }

  /** The core in force. Only for what cannot happen before the cluster was reached. */
  get #inForce(): Core {
    if (this.#core === undefined) throw new Error('the guard has no configuration in force yet')
    return this.#core
  }

  async #startHttp(): Promise<void> {
    this.#http = new GuardHttp({
      core: () => this.#core,
      conditions: () => this.#conditions(),
      metrics: this.#metrics,
      outlet: this.#audience.outlet,
      history: this.#audience.history,
      exceptions: this.#exceptions,
      progress: this.#cluster.progress,
      writers: this.#writers,
      screen: this.#screenSettings(this.#options.settings),
      logger: this.#logger,
    })
    this.ports.http = await this.#http.listen(this.#options.ports.http)
  }

  #screenSettings(settings: Settings): ScreenSettings {
    return screenSettings(settings, { api: this.#cluster.api, viewToken: this.#viewToken })
  }

  #conditions(): Condition[] {
    return conditionsOf(this.#core, {
      registered: this.#webhook.registered,
      refusals: this.#webhook.refusals(),
      unreached: this.#cluster.unreached,
      invalid: this.#invalid,
      upcoming: this.#upcoming,
      server: this.#cluster.server,
    })
  }

  /** Follows what changes how objects are stored, and the exceptions that people open. */
  async #watchCluster(): Promise<void> {
    await this.#cluster.followKinds((kinds) => {
      this.#core?.kindsChanged()
      this.#core?.checkWhere(({ group, kind }) => kinds.has(`${group}/${kind}`))
    })
    const exceptions = watchExceptions(this.#cluster.api, this.#exceptions)
    this.#stops.push(() => exceptions.stop())
  }

  #makeCore(settings: Settings): Core {
    const { config } = settings
    const { environment } = this.#options
    const { api, discovery, agentObjects, progress } = this.#cluster
    const problems = new TellOnce(({ source, message }) =>
      this.#logger.warn({ source, reason: message }, 'what an agent brings in cannot be followed'),
    )
    if (config.discover.flux ?? config.discover.argocd) agentObjects.add(Object.values(AGENT_KINDS))
    const core: Core = new Core({
      settings,
      guard: this.#identity,
      api,
      discovery,
      forms: knownForms(this.#cluster.forms),
      objects: new ClusterObjects(api, discovery),
      ledger: this.#ledger,
      progress,
      stateDir: config.stateDir ?? join(environment.cacheHome, 'gitops-guard', 'serve', environment.replica),
      environment: environment.variables,
      sharedControllerIdentity: this.#cluster.sharedControllerIdentity,
      exceptions: () => this.#exceptions.open(),
      owns: (key) => this.#replicas?.owns(key) ?? true,
      leads: (source) => this.#replicas?.leads(source) ?? false,
      synced: (event) => this.#teller.synced(event, this.#cluster.username),
      tell: (event) => {
        if (event.event === 'nudge') void progress.nudge(event.finding.source)
        this.#teller.reconciled(event)
      },
      agentObjects,
      onSources: (all) => {
        if (core === this.#core) this.#followProgress(all)
      },
      onDiscovery: (all) => problems.standing(all),
      onState: (state, change) => this.#teller.loaded(state, change),
      onGitError: (source, error) =>
        this.#logger.warn({ source, reason: error.reason, err: error }, 'Git cannot be read'),
      onPolicy: () => {
        if (core === this.#core) this.#webhook.renew()
      },
    })
    return core
  }

  get #identity(): GuardIdentity {
    return guardIdentity(this.#cluster.username, this.#namespace)
  }

  /** Agents' progress is asked for these sources. */
  #followProgress({ sources }: Settings): void {
    this.#cluster.progress.setSources(
      sources.map(({ input: { spec, url }, discovered }) => ({
        name: spec.name,
        repository: url,
        ref: spec.ref,
        path: spec.path,
        object: discovered?.object,
      })),
    )
  }

  async #watchReplicas(): Promise<void> {
    this.#replicas = new Replicas({
      api: this.#cluster.api,
      namespace: this.#namespace,
      replica: this.#options.environment.replica,
      onChange: (members) => {
        this.#logger.info({ members }, 'the work is shared by these replicas')
        this.#core?.shareChanged()
      },
      onError: (error) =>
        this.#logger.warn(
          { err: error },
          'the Lease of this replica cannot be kept: it works as if it were alone',
        ),
    })
    await this.#replicas.watch()
  }

  /** Everything was read: the guard is asked from now on, and works. */
  async #takeUp(): Promise<void> {
    if (this.#stopping) return
    this.#preview()
    await this.#webhook.register()
    await this.#join()
  }

  /** Takes a share of the work once it has seen everything, so that the others do not wait for a cold start. */
  async #join(): Promise<void> {
    for (const start = Date.now(); Date.now() - start < LONGEST_LOOK_MS; await sleep(100)) {
      if (this.#stopping || this.#inForce.watches.synced) break
    }
    const idle = this.#inForce.reconciler.idle()
    await Promise.race([idle, sleep(LONGEST_LOOK_MS, undefined, { ref: false })])
    if (this.#stopping) return
    releaseGarbage()
    this.#replicas?.join()
    this.#inForce.sync()
  }

  /** Now and then: what people were told of may be over. */
  #lookForEnds(): void {
    const timer = setInterval(() => {
      const core = this.#inForce
      const statusOf = (ref: ObjectRef) => core.reconciler.statusOf(ref)
      // Before everything was read, nothing can be said to be gone.
      if (!core.complete) return
      this.#troubles.look(statusOf, this.#conditions())
      this.#reports.look(core)
    }, LOOK_MS)
    timer.unref()
    this.#stops.push(
      () => clearInterval(timer),
      () => this.#troubles.save(),
      () => this.#reports.stop(),
    )
  }

  /** Says, before the first of them is, who will be refused from now on that was not in audit mode. */
  #preview(before?: Policy): void {
    const { policy } = this.#inForce
    const preview = enforcePreview(this.#writers.all(), { policy, before, time: Date.now() })
    if (preview === undefined) return
    this.#writers.told(preview.refused)
    this.#teller.previewed(preview)
  }

  /** What rewrites objects on their way in rewrites what Git declares: no webhook is asked, so that people are told. */
  #mutator(object: KubeObject, affects: Affects): void {
    const core = this.#core
    if (core === undefined || core.policy.declared(refOf(object)) !== undefined) return
    const affected = affectedBy(affects, core.index.all(), this.#cluster.discovery)
    if (affected !== undefined) this.#teller.mutator(object, affected)
  }

  #acceptsException(exception: Exception): boolean {
    const { maxDuration } = this.#options.settings.config.breakGlass
    return acceptsException(exception, { guard: this.#identity, maxDuration, now: Date.now() })
  }
}
