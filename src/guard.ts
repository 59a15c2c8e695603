/** Wires one guard: for `serve`, the demo and tests alike. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DecodeError } from './admission/decode-error.ts'
import { AdmissionServer } from './admission/server.ts'
import type { ClientTarget } from './admission/configuration.ts'
import { AgentObjects, APPLICATIONS, GIT_REPOSITORIES, KUSTOMIZATIONS } from './cluster/agent-objects.ts'
import { AgentProgressReader } from './cluster/agent-progress.ts'
import { AdmissionWatch, type Affects } from './cluster/admission-watch.ts'
import { ClusterApi } from './cluster/api.ts'
import { ApiError } from './cluster/api-error.ts'
import { CanonicalForms } from './cluster/canonical.ts'
import type { Connection } from './cluster/connection.ts'
import { Discovery } from './cluster/discovery.ts'
import { Reflector } from './cluster/reflector.ts'
import { Shapes } from './cluster/shapes.ts'
import type { Environment } from './config/environment.ts'
import { formatSupport, serverSupport } from './doctor/server-support.ts'
import { readAuditEvents } from './guard/audit.ts'
import { startCertificates } from './guard/certificates.ts'
import { addDeadLetterRoutes } from './guard/dead-letter-routes.ts'
import { ClusterObjects } from './guard/cluster-objects.ts'
import { conditionsOf } from './guard/conditions.ts'
import { Core } from './guard/core.ts'
import { AGENT_KINDS } from './guard/discoverer.ts'
import { Exceptions, type Exception } from './guard/exceptions.ts'
import { BREAK_GLASS, noteActive } from './guard/exception-status.ts'
import { Gauges } from './guard/gauges.ts'
import { isLeaving, whoAmI, sharesControllerIdentity } from './guard/identity.ts'
import { knownForms } from './guard/known-forms.ts'
import { Outlet } from './guard/outlet.ts'
import { OpenTroubles } from './guard/open-troubles.ts'
import { withOwners } from './guard/owners-of.ts'
import { Registration } from './guard/registration.ts'
import { Replicas } from './guard/replicas.ts'
import { enforcePreview } from './guard/enforce-preview.ts'
import { guardIdentity, GUARD_NAME, type Settings } from './guard/settings.ts'
import { statusOf } from './guard/status.ts'
import { syncCounts } from './guard/sync-status.ts'
import { Teller } from './guard/tell.ts'
import { eventWriter } from './guard/event-writer.ts'
import { openHistory } from './guard/history.ts'
import { reviewToken } from './guard/review-token.ts'
import { screenFacts } from './guard/screen-facts.ts'
import { ViewToken } from './guard/view-token.ts'
import { Writers } from './guard/writers.ts'
import { verifyPush } from './git/push.ts'
import { sameRepository } from './git/same-repository.ts'
import type { DiscoveryProblem } from './discover/discovered.ts'
import type { Change } from './model/change.ts'
import type { KubeObject } from './model/json.ts'
import { refKey, refOf } from './object/identity.ts'
import type { ObjectRef } from './model/identity.ts'
import type { Policy } from './model/policy.ts'
import type { Verdict } from './model/verdict.ts'
import type { Violation } from './model/violation.ts'
import { fieldOf, stringifyJson } from './object/json.ts'
import { maxBreakGlass, ownExceptions, ownProblem } from './policy/break-glass-object.ts'
import { isUnboundAgent } from './policy/agents.ts'
import { isExemptUser } from './policy/exempt.ts'
import { judge } from './policy/judge.ts'
import { Ledger } from './reconcile/ledger.ts'
import { EventRecorder } from './report/event-recorder.ts'
import type { ViolationHistory } from './report/violation-history.ts'
import { sameToken } from './screen/access.ts'
import { Screen, type ScreenSettings } from './screen/screen.ts'
import type { Condition } from './telemetry/condition.ts'
import { HttpServer } from './telemetry/http.ts'
import type { Logger } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'
import { releaseGarbage } from './telemetry/small-heap.ts'
import type { Certificates } from './tls/rotate.ts'

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
/** Between two tries to reach the API server at the start, in milliseconds. */
const RETRY_MS = 1000
/** How long a replica looks at what there is before it takes a share of the work, at most: twice so many milliseconds. */
const LONGEST_LOOK_MS = 120_000

class RunningGuard implements Guard {
  ports: { https: number; http: number }
  readonly #options: GuardOptions
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #api: ClusterApi
  readonly #discovery: Discovery
  readonly #forms: CanonicalForms
  readonly #ledger = new Ledger()
  readonly #exceptions: Exceptions
  readonly #outlet: Outlet
  readonly #history: ViolationHistory
  readonly #viewToken: ViewToken
  readonly #events: EventRecorder
  readonly #teller: Teller
  readonly #troubles: OpenTroubles
  readonly #writers: Writers
  readonly #admissionWatch: AdmissionWatch
  readonly #agentObjects: AgentObjects
  readonly #progress: AgentProgressReader
  readonly #stops: (() => unknown)[] = []
  #core!: Core
  /** Of a new configuration whose sources are not read yet. */
  #upcoming: Core | undefined
  /** Why the configuration file cannot be used, while it cannot. */
  #invalid: string | undefined
  #unreached: string | undefined
  #certificates!: Certificates
  #admission!: AdmissionServer
  #registration!: Registration
  #replicas: Replicas | undefined
  #http!: HttpServer
  #screen: Screen | undefined
  #username = ''
  #shared = false
  #registered = false
  #stopping = false

  constructor(options: GuardOptions) {
    const { settings, connection, logger } = options
    this.#options = options
    this.#logger = logger
    this.ports = options.ports
    this.#metrics = new Metrics({
      objects: () => this.#core?.reconciler.counts().statuses ?? [],
      syncs: () => syncCounts(this.#core?.syncReports() ?? new Map()),
      waiting: () => this.#outlet.waiting(),
    })
    this.#api = new ClusterApi(connection, {
      onRequest: ({ verb, code }) => this.#metrics.apiRequest(verb, code),
    })
    this.#discovery = new Discovery({
      api: this.#api,
      onError: (error) => logger.warn({ err: error }, 'discovery'),
    })
    this.#forms = new CanonicalForms({
      api: this.#api,
      discovery: this.#discovery,
      shapes: new Shapes(this.#api),
      file: settings.config.stateDir === undefined ? undefined : join(settings.config.stateDir, 'forms.json'),
      admission: (resource, namespace) => this.#admissionWatch.fingerprint(resource, namespace),
      onError: (error) => logger.warn({ err: error }, 'canonical forms'),
    })
    this.#agentObjects = new AgentObjects({
      api: this.#api,
      resources: [KUSTOMIZATIONS, GIT_REPOSITORIES, APPLICATIONS],
      onError: (error) => logger.warn({ err: error }, "agents' objects cannot be read"),
    })
    this.#progress = new AgentProgressReader({
      api: this.#api,
      objects: this.#agentObjects,
      same: sameRepository,
      onError: (error) => logger.warn({ err: error }, "an agent's progress cannot be read"),
    })
    this.#admissionWatch = new AdmissionWatch({
      api: this.#api,
      discovery: this.#discovery,
      onChange: (affects) => {
        this.#forms.forget()
        this.#core?.checkWhere(affects)
      },
      onMutator: (object, affects) => this.#mutator(object, affects),
      onError: (error) => logger.warn({ err: error }, 'what admission changes cannot be seen'),
    })
    this.#outlet = new Outlet({ settings, logger, metrics: this.#metrics })
    this.#events = new EventRecorder({
      writer: eventWriter(this.#api, this.#discovery),
      instance: options.environment.replica ?? GUARD_NAME,
      onError: (error) => logger.debug({ err: error }, 'an Event cannot be written'),
    })
    this.#history = openHistory(settings.config.stateDir, logger)
    this.#viewToken = new ViewToken(this.#api, this.#namespace, (error) =>
      logger.warn(
        { err: error },
        'the token for the screen cannot be kept: violations are shown with a token of the cluster only',
      ),
    )
    this.#troubles = new OpenTroubles({
      file: settings.config.stateDir === undefined ? undefined : join(settings.config.stateDir, 'open.json'),
      send: (violation) => this.#teller.tell(violation),
      owns: (key) => this.#replicas?.owns(key) ?? true,
    })
    this.#teller = new Teller({
      logger,
      troubles: this.#troubles,
      metrics: this.#metrics,
      ledger: this.#ledger,
      outlet: {
        accept: (told) => {
          const violation = this.#withOwners(told)
          this.#history.append(violation)
          if (this.#core?.settings.config.events ?? true) this.#events.accept(violation)
          this.#outlet.accept(violation)
        },
      },
    })
    this.#writers = new Writers({
      file:
        settings.config.stateDir === undefined ? undefined : join(settings.config.stateDir, 'writers.json'),
      onError: (error) => logger.warn({ err: error }, 'what is seen in audit mode cannot be kept'),
    })
    this.#exceptions = new Exceptions({
      onChange: () => this.#core?.exceptionsChanged(),
      onEvent: (event, exception) => this.#exceptionEvent(event, exception),
      accepts: (exception) => this.#acceptsException(exception),
    })
  }

  async start(): Promise<void> {
    const { settings, logger } = this.#options
    this.#outlet.start()
    await this.#startHttp()
    await this.#reach()
    this.#saySupport()
    await this.#admissionWatch.start()
    this.#agentObjects.start()
    this.#stops.push(
      () => this.#admissionWatch.stop(),
      () => this.#agentObjects.stop(),
    )
    this.#shared = await sharesControllerIdentity(this.#api)
    if (this.#shared) {
      logger.warn(
        'controllers share the identity system:kube-controller-manager: their jobs cannot be told apart',
      )
    }
    await this.#startCertificates()
    await this.#startAdmission()
    this.#startRegistration()
    void this.#viewToken.load()
    await this.#watchCluster()
    this.#core = this.#makeCore(settings)
    this.#followProgress(this.#core.settings)
    await this.#watchReplicas()
    this.#core.start()
    this.#lookForEnds()
    void this.#core.loaded
      .then(() => this.#preview())
      .then(() => this.#register())
      .then(() => this.#join())
    logger.info(
      { server: this.#options.connection.server, user: this.#username, ...this.ports },
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
    const before = this.#core
    this.#core = next
    this.#upcoming = undefined
    this.#outlet.reconfigure(settings)
    this.#screen?.reconfigure(this.#screenSettings(settings))
    this.#preview(before.policy)
    this.#followProgress(next.settings)
    await before.stop()
    // Kinds and exceptions may have come and gone meanwhile.
    next.kindsChanged()
    next.reconciler.resume()
    next.sync()
    await this.#register()
    this.#logger.info('the new configuration is in force')
  }

  configInvalid(reason: string): void {
    this.#invalid = reason
    this.#metrics.configValid(false)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    // What it registered stays: a guard that is down still refuses people.
    await this.#replicas?.stop()
    await Promise.all([this.#registration?.stop(), this.#core?.stop(), this.#upcoming?.stop()])
    await this.#admission?.stop()
    for (const stop of this.#stops) await stop()
    this.#exceptions.stop()
    this.#certificates?.stop()
    this.#forms.close()
    await this.#writers.stop()
    await Promise.all([this.#events.stop(), this.#outlet.stop()])
    this.#screen?.close()
    await this.#http?.close()
    this.#history.close()
  }

  /**
   * Waits until the API server answers. One that has just come up refuses everybody for a moment, and rights may be given
   * later: the log and `/readyz` say what is missing.
   */
  async #reach(): Promise<void> {
    for (;;) {
      try {
        await this.#discovery.refresh()
        await this.#forms.refresh()
        this.#username = await whoAmI(this.#api)
        this.#unreached = undefined
        return
      } catch (error) {
        if (this.#stopping || !(error instanceof ApiError)) throw error
        const reason = error instanceof Error ? error.message : String(error)
        if (reason !== this.#unreached) this.#logger.warn({ err: error }, 'the API server cannot be reached')
        this.#unreached = reason
        await sleep(RETRY_MS)
      }
    }
  }

  #withOwners(violation: Violation): Violation {
    const core = this.#core
    if (core === undefined) return violation
    const codeowners = (source: string) => core.stateOf(source)?.codeowners ?? []
    return withOwners(violation, { policy: core.policy, codeowners })
  }

  /** Now and then: what people were told of may be over. */
  #lookForEnds(): void {
    const timer = setInterval(() => {
      const core = this.#core
      const statusOf = (ref: ObjectRef) => core.reconciler.statusOf(ref)
      // Before everything was read, nothing can be said to be gone.
      if (core.complete) this.#troubles.look(statusOf, this.#conditions())
    }, LOOK_MS)
    timer.unref()
    this.#stops.push(
      () => clearInterval(timer),
      () => this.#troubles.save(),
    )
  }

  #conditions(): Condition[] {
    return conditionsOf(this.#core, {
      registered: this.#registered,
      refusals: this.#registration?.refusals() ?? new Map(),
      unreached: this.#unreached,
      invalid: this.#invalid,
      upcoming: this.#upcoming,
      server: this.#server(),
    })
  }

  #server() {
    const { serverVersion, emulatedVersion } = this.#discovery
    const version = emulatedVersion === undefined ? serverVersion : `${serverVersion} as ${emulatedVersion}`
    return { version, support: serverSupport(serverVersion, emulatedVersion) }
  }

  /** What the API server lacks, once. */
  #saySupport(): void {
    const { version, support } = this.#server()
    if (support.tried === 'yes' && support.lacks.length === 0) return
    const grave = support.tried === 'older' || support.tried === 'newer'
    const facts = { kubernetes: version, lacks: support.lacks.map(({ name }) => name) }
    this.#logger[grave ? 'warn' : 'info'](facts, formatSupport(version, support))
  }

  get #policy(): Policy {
    return this.#core.policy
  }

  /** Agents' progress is asked for these sources. */
  #followProgress({ sources }: Settings): void {
    this.#progress.setSources(
      sources.map(({ input: { spec, url }, discovered }) => ({
        name: spec.name,
        repository: url,
        ref: spec.ref,
        path: spec.path,
        object: discovered?.object,
      })),
    )
  }

  #makeCore(settings: Settings): Core {
    const { config } = settings
    const { environment, logger } = this.#options
    const told = new Set<string>()
    if (config.discover.flux ?? config.discover.argocd) this.#agentObjects.add(Object.values(AGENT_KINDS))
    const core: Core = new Core({
      settings,
      guard: guardIdentity(this.#username, this.#namespace),
      api: this.#api,
      discovery: this.#discovery,
      forms: knownForms(this.#forms),
      objects: new ClusterObjects(this.#api, this.#discovery),
      ledger: this.#ledger,
      progress: this.#progress,
      stateDir: config.stateDir ?? join(environment.cacheHome, 'gitops-guard', 'serve', environment.replica),
      environment: environment.variables,
      sharedControllerIdentity: this.#shared,
      exceptions: () => this.#exceptions.open(),
      owns: (key) => this.#replicas?.owns(key) ?? true,
      leads: (source) => this.#replicas?.leads(source) ?? false,
      synced: (event) => this.#teller.synced(event, this.#username),
      tell: (event) => {
        if (event.event === 'nudge') void this.#progress.nudge(event.finding.source)
        this.#teller.reconciled(event)
      },
      agentObjects: this.#agentObjects,
      onSources: (all) => {
        if (core === this.#core) this.#followProgress(all)
      },
      onDiscovery: (problems) => tellOnce(problems, told, logger),
      onState: (state, change) => this.#teller.loaded(state, change),
      onGitError: (source, error) =>
        logger.warn({ source, reason: error.reason, err: error }, 'Git cannot be read'),
      onPolicy: () => {
        if (this.#registered && core === this.#core) void this.#register()
      },
    })
    return core
  }

  get #namespace(): string {
    return this.#options.environment.namespace ?? GUARD_NAME
  }

  async #startHttp(): Promise<void> {
    const { logger, ports } = this.#options
    const gauges = new Gauges(this.#metrics)
    this.#http = new HttpServer({
      conditions: () => this.#conditions(),
      metrics: {
        registry: this.#metrics.registry,
        text: () => {
          if (this.#core !== undefined) gauges.read(this.#core)
          return this.#metrics.text()
        },
      },
      git: async (headers, body) => {
        const secret = this.#core?.settings.config.gitWebhook?.secret
        if (secret === undefined) return { status: 404, message: 'no gitWebhook is configured' }
        const push = verifyPush(headers, body, await secret.read())
        if ('refused' in push) return { status: 403, message: push.refused }
        const sources = this.#core.pushed(push.urls)
        return {
          status: 202,
          message: sources.length > 0 ? `reading ${sources.join(', ')}` : 'no source is there',
        }
      },
      onError: (error) => logger.error({ err: error }, 'HTTP'),
    })
    this.#http.app.get('/status', (_request, response) => {
      const conditions = this.#conditions()
      const waiting = Object.fromEntries(this.#outlet.waiting())
      const deadLetters = this.#outlet.deadLetterCount
      response.json(statusOf(this.#core, { conditions, waiting, deadLetters }))
    })
    this.#http.app.get('/writers', (_request, response) => {
      response.type('json').send(stringifyJson(this.#writers.toJson()))
    })
    this.#screen = new Screen({
      ...this.#screenSettings(this.#options.settings),
      violations: this.#history,
      facts: screenFacts({
        core: () => this.#core,
        conditions: () => this.#conditions(),
        waiting: () => this.#outlet.waiting(),
        exceptions: () => this.#exceptions.open(),
        progress: this.#progress,
      }),
      onError: (error) => logger.debug({ err: error }, 'the screen'),
    })
    this.#screen.addTo(this.#http.app)
    addDeadLetterRoutes(this.#http.app, {
      admitted: this.#screen.admitted,
      letters: () => this.#outlet.deadLetters(),
      resend: (id) => this.#outlet.resend(id),
    })
    this.ports.http = await this.#http.listen(ports.http)
  }

  #screenSettings({ config }: Settings): ScreenSettings {
    const { enabled, name = '', loopback, trustedProxy, environments } = config.dashboard
    return {
      dashboard: enabled,
      name,
      environments,
      access: {
        loopback,
        ...(trustedProxy === undefined ? {} : { trustedProxy }),
        isViewToken: (token) => this.#viewToken.matches(token),
        review: (token) => reviewToken(this.#api, token),
      },
    }
  }

  async #startCertificates(): Promise<void> {
    const { environment, logger, settings, webhookUrl } = this.#options
    this.#certificates = await startCertificates({
      api: this.#api,
      namespace: this.#namespace,
      environment,
      stateDir: settings.config.stateDir,
      webhookUrl,
      onChange: (served) => {
        this.#admission.setCertificates(served)
        this.#metrics.certificate('serving', this.#certificates.expiresAt)
        if (this.#registered) void this.#register()
      },
      onError: (error) => logger.error({ err: error }, 'certificates'),
    })
    this.#metrics.certificate('serving', this.#certificates.expiresAt)
    this.#stops.push(() => this.#certificates.stop())
  }

  async #startAdmission(): Promise<void> {
    const { ports, logger, settings, webhookUrl } = this.#options
    const { clientCA } = settings.config
    this.#admission = new AdmissionServer({
      certificate: this.#certificates.current,
      kindOf: (group, resource) => this.#discovery.kindOf(group, resource),
      judge: (change) => judge(change, this.#policy),
      ready: () => this.#core !== undefined && this.#core.complete,
      whenBlind: (change) => this.#whenBlind(change),
      onError: (error, change) => logger.error({ err: error, id: change.id }, 'a review could not be judged'),
      onTlsError: (error) => logger.warn({ err: error }, 'TLS'),
      onVerdict: (change, verdict, ms) => this.#judged(change, verdict, ms),
      audit: (body, authorization) => this.#audit(body, authorization),
      ...(clientCA === undefined
        ? {}
        : {
            clientAuthority: {
              ca: await readFile(clientCA.file, 'utf8'),
              ...(clientCA.names === undefined ? {} : { names: clientCA.names }),
            },
          }),
      // Where no Service moves callers elsewhere, waiting for them to go is in vain.
      ...(webhookUrl === undefined ? {} : { limits: { drain: 500 } }),
    })
    this.ports.https = await this.#admission.listen(ports.https)
  }

  /** Open for the agent and the system, closed for people; as the webhook's conditions would have it. */
  #whenBlind({ actor }: Change): 'allow' | 'deny' {
    if (this.#core === undefined) return 'deny'
    if (isUnboundAgent(actor, this.#policy)) return 'deny'
    if (isExemptUser(actor.username, this.#policy)) return 'allow'
    const { config, sources } = this.#core.settings
    const enforces = config.mode === 'enforce' || sources.some(({ policy }) => policy.mode === 'enforce')
    return enforces ? 'deny' : 'allow'
  }

  #judged(change: Change, verdict: Verdict, ms: number): void {
    if (
      verdict.decision !== 'deny' &&
      change.ref.kind === 'BreakGlass' &&
      change.ref.group === 'gitops-guard.dev'
    ) {
      this.#exceptions.reviewed(change)
    }
    this.#writers.judged(change, verdict, this.#policy)
    this.#teller.judged(change, verdict, ms, this.#policy)
  }

  /** Says, before the first of them is, who will be refused from now on that was not in audit mode. */
  #preview(before?: Policy): void {
    if (this.#stopping) return
    const written = this.#writers.all()
    const preview = enforcePreview(written, { policy: this.#policy, before, time: Date.now() })
    if (preview === undefined) return
    this.#writers.told(preview.refused)
    this.#teller.previewed(preview)
  }

  async #audit(body: Buffer, authorization: string | undefined): Promise<void> {
    const token = await this.#options.settings.config.audit?.token?.read()
    if (token !== undefined && !sameToken(authorization ?? '', `Bearer ${token}`)) {
      throw new DecodeError(401, 'the audit webhook needs the token of the configuration')
    }
    const writes = readAuditEvents(body, {
      policy: this.#policy,
      kindOf: (group, resource) => this.#discovery.kindOf(group, resource),
      known: (ref, path, value) => this.#ledger.writerOf(ref, path, value) !== undefined,
    })
    for (const write of writes) {
      this.#ledger.record(write)
      if (write.posedAs !== undefined) this.#teller.posed(write, this.#policy)
    }
  }

  #startRegistration(): void {
    const { webhookUrl, logger } = this.#options
    const target: ClientTarget =
      webhookUrl === undefined
        ? { service: { namespace: this.#namespace, name: GUARD_NAME, port: 443 } }
        : { url: reviewUrl(webhookUrl) }
    this.#registration = new Registration({
      api: this.#api,
      discovery: this.#discovery,
      target,
      onRestored: (what, restoration) => this.#teller.restored(what, restoration),
      onError: (error) => logger.error({ err: error }, 'registration'),
      onPublished: (bundle) => this.#certificates.published(bundle),
    })
  }

  /** Registers the webhook as the policy in force wants it. */
  async #register(): Promise<void> {
    try {
      const { policy, index } = this.#core
      await this.#registration.keep({ policy, index, caBundle: this.#certificates.current.caBundle })
      this.#registered = true
    } catch (error) {
      this.#logger.error({ err: error }, 'the webhook cannot be registered: trying again')
      if (!this.#stopping) setTimeout(() => void this.#register(), 1000).unref()
    }
  }

  async #watchReplicas(): Promise<void> {
    const { environment, logger } = this.#options
    this.#replicas = new Replicas({
      api: this.#api,
      namespace: this.#namespace,
      replica: environment.replica,
      onChange: (members) => {
        logger.info({ members }, 'the work is shared by these replicas')
        this.#core.shareChanged()
      },
      onError: (error) =>
        logger.warn({ err: error }, 'the Lease of this replica cannot be kept: it works as if it were alone'),
    })
    await this.#replicas.watch()
  }

  /** Takes a share of the work once it has seen everything, so that the others do not wait for a cold start. */
  async #join(): Promise<void> {
    for (const start = Date.now(); Date.now() - start < LONGEST_LOOK_MS; await sleep(100)) {
      if (this.#stopping || this.#core.watches.synced) break
    }
    await Promise.race([this.#core.reconciler.idle(), sleep(LONGEST_LOOK_MS, undefined, { ref: false })])
    if (this.#stopping) return
    releaseGarbage()
    this.#replicas?.join()
    this.#core.sync()
  }

  /** Follows what changes how objects are stored, and the exceptions that people open. */
  async #watchCluster(): Promise<void> {
    const api = this.#api
    this.#stops.push(
      this.#discovery.watch((changed) => {
        void this.#forms.refresh().then(() => {
          this.#core?.kindsChanged()
          this.#core?.checkWhere(({ group, kind }) => changed.has(`${group}/${kind}`))
        })
      }),
    )
    // Until all CRDs are known, a kind that is stored at another version would be compared at the declared one.
    await this.#discovery.synced()
    const seen = new Set<string>()
    const exceptions = new Reflector({
      api,
      resource: BREAK_GLASS,
      onListing: () => seen.clear(),
      onEvent: (type, object) => {
        seen.add(refKey(refOf(object)))
        this.#exceptions.observe(type, object)
      },
      onSynced: () => this.#exceptions.listed(seen),
    })
    exceptions.start()
    this.#stops.push(() => exceptions.stop())
  }

  /** What rewrites objects on their way in rewrites what Git declares: no webhook is asked, so that people are told. */
  #mutator(object: KubeObject, affects: Affects): void {
    const core = this.#core as Core | undefined
    if (core === undefined || core.policy.declared(refOf(object)) !== undefined) return
    for (const { manifest } of core.index.all()) {
      const { group, kind, namespace } = manifest.ref
      const resource = this.#discovery.resourceFor(group, kind)
      if (resource !== undefined && affects(resource, namespace))
        return this.#teller.mutator(object, manifest.ref)
    }
  }

  #exceptionEvent(event: 'opened' | 'renewed' | 'ended', exception: Exception): void {
    this.#teller.exception(event, exception)
    void this.#carryOut(event, exception)
    if (event !== 'ended') return
    // Git's state returns.
    const { namespace, objects } = exception
    for (const { manifest } of this.#core.policy.declaredIn(namespace)) {
      const { group, kind, name } = manifest.ref
      if (
        objects.length > 0 &&
        !objects.some((one) => one.group === group && one.kind === kind && one.name === name)
      )
        continue
      this.#core.reconciler.check(manifest.ref)
    }
  }

  /** Notes in its status that an exception is open or has ended; for `uninstall` the guard steps down first. */
  async #carryOut(event: 'opened' | 'renewed' | 'ended', exception: Exception): Promise<void> {
    const active = event !== 'ended'
    const { name, namespace } = exception
    try {
      if (name === ownExceptions.uninstall && namespace === this.#namespace) await this.#stepDown(active)
      await noteActive(this.#api, exception, active)
    } catch (error) {
      this.#logger.warn({ err: error, namespace, name }, 'the status of an exception cannot be written')
    }
  }

  async #stepDown(down: boolean): Promise<void> {
    // With its namespace the rest of the guard goes: nothing comes back then.
    if (!down && (await isLeaving(this.#api, this.#namespace))) return
    this.#registration.stepDown(down)
    this.#logger.warn(
      down
        ? 'the guard steps down: its webhook and its policies are kept no longer'
        : 'the guard guards again',
    )
    if (!down) await this.#register()
  }

  /** An exception may have been written while nobody judged: then what admission asks of one is asked here. */
  #acceptsException({ name, namespace, expiresAt, object }: Exception): boolean {
    const longest = Math.max(maxBreakGlass, this.#options.settings.config.breakGlass.maxDuration)
    if (expiresAt > Date.now() + longest + 60_000) return false
    if (namespace !== this.#namespace) return true
    const guard = guardIdentity(this.#username, this.#namespace)
    return ownProblem(name, fieldOf(object['spec'], 'objects'), { guard }) === undefined
  }
}

/** Each once, for as long as it stands. */
function tellOnce(problems: readonly DiscoveryProblem[], told: Set<string>, logger: Logger): void {
  const now = new Set(problems.map(({ source, message }) => `${source}: ${message}`))
  for (const text of told) if (!now.has(text)) told.delete(text)
  for (const { source, message } of problems) {
    if (told.has(`${source}: ${message}`)) continue
    told.add(`${source}: ${message}`)
    logger.warn({ source, reason: message }, 'what an agent brings in cannot be followed')
  }
}

/** `--webhook-url` with or without the path. */
function reviewUrl(text: string): string {
  const url = new URL(text)
  if (url.pathname === '/') url.pathname = '/validate'
  return url.href
}
