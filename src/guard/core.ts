import type { DesiredState, Manifest } from '../model/desired.ts'
import type { ResourceInfo } from '../model/identity.ts'
import type { GuardIdentity, Policy } from '../model/policy.ts'
import type { AgentObjects } from '../cluster/agent-objects.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { DiscoveryProblem } from '../discover/discovered.ts'
import type { GitError } from '../git/git-error.ts'
import type { FollowStatus } from '../git/follow.ts'
import type { Forms as KnownForms } from '../policy/snapshot.ts'
import type { Progress } from '../reconcile/ahead.ts'
import type { ReconcileEvent, WatchEvent } from '../reconcile/events.ts'
import { refOfKey } from '../reconcile/keys.ts'
import { refKey, refOf } from '../object/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Ledger } from '../reconcile/ledger.ts'
import type { Objects } from '../reconcile/objects.ts'
import type { Forms } from '../reconcile/forms.ts'
import type { DesiredChange } from '../reconcile/desired-change.ts'
import { Reconciler } from '../reconcile/reconciler.ts'
import { breakGlassUntil } from '../reconcile/live-facts.ts'
import type { SyncEvent } from '../sync/events.ts'
import type { Exception } from './exceptions.ts'
import { FirstReading } from './first-reading.ts'
import { Following } from './following.ts'
import { desiredChange } from './desired.ts'
import { DesiredStates } from './desired-states.ts'
import { policyOf } from './policy-of.ts'
import { withDiscovered } from './discovered-settings.ts'
import { Discoverer, type FoundSources } from './discoverer.ts'
import type { Settings, SourceSettings } from './settings.ts'
import { Syncs } from './syncs.ts'
import { Sources } from './sources.ts'
import type { Watches } from './watches.ts'

/** What a core works with; all of it outlives the core. */
export interface CoreOptions {
  settings: Settings
  guard: GuardIdentity
  api: ClusterApi
  discovery: Discovery
  forms: Forms & KnownForms & { prepare(manifests: Iterable<Manifest>): void }
  objects: Objects
  ledger: Ledger
  progress: Progress
  /** Folder for clones. */
  stateDir: string
  environment: Readonly<Record<string, string | undefined>>
  sharedControllerIdentity: boolean
  exceptions(): readonly Exception[]
  /** Whether this replica repairs an object, by key, that no source holds which the guard brings in. */
  owns(key: string): boolean
  /** Whether this replica brings a source in, where the guard does. */
  leads(source: string): boolean
  tell(event: ReconcileEvent): void
  synced(event: SyncEvent): void
  /** A source's commit is in force. */
  onState(state: DesiredState, change: DesiredChange): void
  onGitError(source: string, error: GitError): void
  /** What agents are told to bring in, where sources are discovered. */
  agentObjects?: AgentObjects
  /** Other sources are followed than before: these and no others. */
  onSources?(settings: Settings): void
  /** What of the agents' objects cannot be followed. */
  onDiscovery?(problems: readonly DiscoveryProblem[]): void
  /** The policy is another one now: guarded namespaces or kinds may have changed. */
  onPolicy(): void
}

/**
 * What follows from one configuration: its sources, what they declare, the policy made of it, the watches and the
 * reconciler. A new configuration gets a core of its own, and the old one goes when the new one has read Git.
 */
export class Core {
  readonly reconciler: Reconciler
  readonly #options: CoreOptions
  readonly #states: DesiredStates
  readonly #sources: Sources
  readonly #following: Following
  readonly #syncs: Syncs
  readonly #reading: FirstReading
  readonly #discoverer: Discoverer | undefined
  #settings: Settings
  #policy: Policy
  #stopped = false
  #problems: readonly DiscoveryProblem[] = []

  constructor(options: CoreOptions) {
    const { settings, discovery, forms, api } = options
    this.#options = options
    this.#settings = settings
    this.#states = new DesiredStates(
      settings.sources,
      (group, kind) => discovery.namespaced(group, kind),
      forms,
    )
    this.#policy = this.#makePolicy()
    this.#sources = new Sources(
      settings.sources.map(({ input }) => input),
      {
        stateDir: options.stateDir,
        environment: options.environment,
        onState: (state) => this.#accept(state),
        onError: (source, error) => this.#cannotRead(source, error),
      },
    )
    this.#syncs = this.#makeSyncs()
    this.reconciler = this.#makeReconciler()
    this.#following = new Following({
      api,
      discovery,
      reconciler: this.reconciler,
      index: () => this.#states.index,
      observe: (type, object) => this.#observe(type, object),
    })
    const { flux, argocd } = settings.config.discover
    const { agentObjects } = options
    this.#discoverer =
      agentObjects === undefined || (flux === undefined && argocd === undefined)
        ? undefined
        : new Discoverer({
            settings,
            api,
            discovery,
            objects: agentObjects,
            onFound: (found) => this.#found(found),
            onAnnounced: (source, commit) => this.#announced(source, commit),
          })
    this.#reading = new FirstReading({
      discovering: this.#discoverer !== undefined,
      settings: () => this.#settings,
      isRead: (source) => this.#states.stateOf(source) !== undefined,
    })
  }

  /** With the sources that are discovered. */
  get settings(): Settings {
    return this.#settings
  }

  /** What of the agents' objects cannot be followed. */
  get discoveryProblems(): readonly DiscoveryProblem[] {
    return this.#problems
  }

  /** Begins to read Git and to watch. */
  start(): void {
    this.#sources.start()
    this.#discoverer?.start()
    if (this.settings.sources.length === 0) this.#following.sync()
  }

  /** Begins to bring in the sources that are the guard's to bring in. */
  sync(): void {
    this.#syncs.start()
  }

  /** How they stand, by source. */
  syncReports() {
    return this.#syncs.reports()
  }

  /** Resolves when every source was read once, or when it is stopped. */
  get loaded(): Promise<void> {
    return this.#reading.ended
  }

  get complete(): boolean {
    return this.#reading.complete
  }

  get policy(): Policy {
    return this.#policy
  }

  get index() {
    return this.#states.index
  }

  get watches(): Watches {
    return this.#following.watches
  }

  stateOf(source: string): DesiredState | undefined {
    return this.#states.stateOf(source)
  }

  sourceStatuses(): Map<string, FollowStatus> {
    return this.#sources.statuses()
  }

  /** A push to a repository: its sources are read now. */
  pushed(urls: readonly string[]): string[] {
    return this.#sources.pushed(urls)
  }

  /** Exceptions opened or ended: the policy holds them, and what they let people change is compared again. */
  exceptionsChanged(): void {
    this.#renew()
    this.#syncs.wake()
  }

  /** Discovery or schemas changed: kinds that came are watched, and what is declared may belong elsewhere. */
  kindsChanged(): void {
    const changes = this.#states.replace()
    this.#renew()
    for (const change of changes) this.reconciler.desiredChanged(change)
    this.#following.sync()
    this.#syncs.wake()
    // Charts may look at what is served.
    this.#discoverer?.look()
  }

  /** Compares again what these kinds, in these namespaces, hold: how they are stored may have changed. */
  checkWhere(affects: (resource: ResourceInfo, namespace: string) => boolean): void {
    const { discovery } = this.#options
    for (const { manifest } of this.#states.index.all()) {
      const { group, kind, namespace } = manifest.ref
      const resource = discovery.resourceFor(group, kind)
      if (resource !== undefined && affects(resource, namespace)) this.reconciler.check(manifest.ref)
    }
  }

  /** Replicas came or went: what is this one's now is looked at again. */
  shareChanged(): void {
    this.reconciler.shareChanged()
    this.#syncs.wake()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#reading.end()
    this.reconciler.close()
    await this.#discoverer?.stop()
    await this.#syncs.stop()
    await Promise.all([this.#sources.stop(), this.#following.stop()])
  }

  #accept(state: DesiredState): void {
    if (this.#stopped) return
    const first = this.#states.stateOf(state.source) === undefined
    const change = this.#states.accept(state)
    this.#options.forms.prepare(state.manifests)
    this.#renew()
    this.reconciler.desiredChanged(change)
    // Watches that run already will not list again for a source that is read after others.
    if (first) for (const ref of change.added) if (this.watches.follows(ref)) this.reconciler.check(ref)
    this.#following.sync()
    this.#options.onState(this.#states.stateOf(state.source)!, change)
    this.#reading.look()
    this.#syncs.wake(state.source)
  }

  /** A sync tells of health from what the watch says. */
  #observe(type: WatchEvent, object: KubeObject): void {
    this.reconciler.observe(type, object)
    if (this.#syncs.none) return
    const ref = refOf(object)
    const source = this.#policy.declared(ref)?.source.name
    if (source !== undefined) this.#syncs.observe(type, object, source, refKey(ref))
  }

  /** A source that cannot be read is told; what is discovered waits for no other. */
  #cannotRead(source: string, error: GitError): void {
    this.#options.onGitError(source, error)
    this.#reading.failed(source)
  }

  #found({ sources, problems }: FoundSources): void {
    if (this.#stopped) return
    this.#problems = problems
    this.#options.onDiscovery?.(problems)
    const before = new Set(this.#settings.sources)
    this.#settings = withDiscovered(this.#options.settings, sources)
    this.#options.onSources?.(this.#settings)
    const changes = [...this.#states.setSources(this.#settings.sources), ...this.#renewed(before)]
    void this.#sources.set(this.#settings.sources.map(({ input }) => input))
    this.#renew()
    for (const change of changes) {
      this.reconciler.desiredChanged(change)
      // Another source may declare what this one did.
      for (const ref of change.removed)
        if (this.#policy.declared(ref) !== undefined) this.reconciler.check(ref)
    }
    this.#following.sync()
    this.#reading.found()
  }

  /** The agent acts on its object as it is stored, which the watch may not have told yet. */
  async #definitionState(source: string): Promise<'current' | 'changed' | 'busy'> {
    const found = this.#settings.sources.find(({ policy }) => policy.name === source)?.discovered
    if (found === undefined || this.#discoverer === undefined) return 'current'
    const state = await this.#discoverer.stateOf(found)
    if (state === 'changed') await this.#sources.settled(source)
    return state
  }

  /** The agent often fetches a commit before the guard does: what it says spares the wait for the next poll. */
  #announced(source: string, commit: string): void {
    const state = this.#states.stateOf(source)
    if (!this.#stopped && state !== undefined && state.revision !== commit) void this.#sources.settled(source)
  }

  /** No change of what is declared, but of what is done about it: what was found is looked at again. */
  #renewed(before: ReadonlySet<SourceSettings>): DesiredChange[] {
    return this.#settings.sources.flatMap((source) => {
      const state = this.#states.stateOf(source.policy.name)
      return state === undefined || before.has(source) ? [] : [desiredChange(state, state)]
    })
  }

  #renew(): void {
    this.#policy = this.#makePolicy()
    this.reconciler.setPolicy(this.#policy)
    this.#options.onPolicy()
  }

  #makePolicy(): Policy {
    const { guard, sharedControllerIdentity, exceptions } = this.#options
    return policyOf(this.#settings, this.#states.index, {
      guard,
      sharedControllerIdentity,
      breakGlass: exceptions(),
    })
  }

  #makeSyncs(): Syncs {
    const { settings, api, discovery, objects, guard, leads, synced } = this.#options
    return new Syncs({
      sources: settings.sources,
      api,
      discovery,
      objects,
      namespace: guard.namespace,
      stateOf: (source) => this.#states.stateOf(source),
      holderOf: (ref) => this.#policy.declared(ref)?.source.name,
      // What one that cannot be read declares is not known.
      complete: () =>
        this.complete &&
        this.#settings.sources.every(({ policy }) => this.#states.stateOf(policy.name) !== undefined),
      refresh: async (source) => {
        await this.#sources.refresh(source)
        return this.#sources.statuses().get(source)?.lastError === undefined
      },
      leads,
      heldUntil: (ref) => breakGlassUntil(this.#policy, ref, Date.now()),
      check: (ref) => this.reconciler.check(ref),
      tell: synced,
    })
  }

  /** One replica does all of a source that the guard brings in: what it applies, another must not take for drift. */
  #owns(key: string): boolean {
    const { owns, leads } = this.#options
    if (this.#syncs.none) return owns(key)
    const source = this.#policy.declared(refOfKey(key))?.source.name
    return source !== undefined && this.#syncs.has(source) ? leads(source) : owns(key)
  }

  #makeReconciler(): Reconciler {
    const { settings, objects, forms, progress, ledger, tell } = this.#options
    return new Reconciler({
      policy: this.#policy,
      objects,
      forms,
      progress: {
        of: (source, since) =>
          this.#syncs.has(source) ? this.#syncs.progress(source) : progress.of(source, since),
      },
      git: {
        tip: (source) => this.#sources.tip(source),
        refresh: (source) => this.#sources.refresh(source),
      },
      definition: { state: (source) => this.#definitionState(source) },
      ledger,
      tell,
      graceMs: () => settings.config.graceSeconds * 1000,
      isAgent: (source) => this.#syncs.has(source),
      bringing: (source, ref) => this.#syncs.bringing(source, ref),
      owns: (key) => this.#owns(key),
    })
  }
}
