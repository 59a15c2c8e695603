import { setTimeout as sleep } from 'node:timers/promises'
import {
  APPLICATIONS,
  GIT_REPOSITORIES,
  HELM_CHARTS,
  HELM_RELEASES,
  KUSTOMIZATIONS,
  PROJECTS,
  whatMatters,
  type AgentObjects,
} from '../cluster/agent-objects.ts'
import { isAtWork } from '../cluster/agent-progress-helm.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { NamedObjects } from '../cluster/named-objects.ts'
import { discover } from '../discover/discover.ts'
import type { AgentFacts, AgentKind, DiscoveredSource, DiscoveryProblem } from '../discover/discovered.ts'
import type { KubeObject } from '../model/json.ts'
import { fieldOf, stringifyJson } from '../object/json.ts'
import { discoveredSettings } from './discovered-settings.ts'
import type { Settings, SourceSettings } from './settings.ts'

/** Milliseconds: objects that change together are looked at together. */
const TOGETHER_MS = 50
/** Milliseconds that a watch may be behind. */
const LONGEST_WAIT_MS = 5_000
const ASKED = { timeoutMs: 5_000, retries: 1 }

export const AGENT_KINDS = {
  Kustomization: KUSTOMIZATIONS,
  GitRepository: GIT_REPOSITORIES,
  HelmRelease: HELM_RELEASES,
  HelmChart: HELM_CHARTS,
  Application: APPLICATIONS,
  AppProject: PROJECTS,
} as const

/** Sources found in the cluster, and what could not be followed. */
export interface FoundSources {
  sources: readonly SourceSettings[]
  problems: readonly DiscoveryProblem[]
}

export interface DiscovererOptions {
  settings: Settings
  objects: AgentObjects
  api: ClusterApi
  discovery: Pick<Discovery, 'serverVersion' | 'served'>
  /** Other sources than before, or other problems. Called once the first time, whatever was found. */
  onFound(found: FoundSources): void
  /** The agent of a source holds another newest commit, full hash. */
  onAnnounced(source: string, commit: string): void
}

/** Keeps the discovered sources in step with the agents' objects. Asks the API server nothing while those stay. */
export class Discoverer {
  readonly #options: DiscovererOptions
  readonly #named: NamedObjects
  #unsubscribe: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #before: readonly DiscoveredSource[] = []
  #settings = new Map<string, { text: string; settings: SourceSettings }>()
  #told: string | undefined
  #announced = new Map<string, string | undefined>()

  constructor(options: DiscovererOptions) {
    this.#options = options
    this.#named = new NamedObjects(options.api, () => this.#soon())
  }

  start(): void {
    this.#unsubscribe = this.#options.objects.subscribe(() => this.#soon())
    this.look()
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    clearTimeout(this.#timer)
    await this.#named.stop()
  }

  /**
   * Whether a source's objects are stored as they are known here. Where not, it is waited for what the watch brings, and that is put in force.
   * Busy is what is held to a commit while another may be brought in, and a release that Helm acts on. Rejects where they cannot be read.
   */
  async stateOf({
    object: { kind, namespace, name },
    spec,
  }: DiscoveredSource): Promise<'current' | 'changed' | 'busy'> {
    const { objects, api } = this.#options
    const resource = AGENT_KINDS[kind]
    const stored = whatMatters((await api.get(resource, { namespace, name }, ASKED)).object)
    if (kind === 'Application' && 'commit' in spec.ref && isSyncing(stored)) return 'busy'
    if (kind === 'HelmRelease' && isAtWork(stored)) return 'busy'
    const known = () => objects.of(resource).get(`${namespace}/${name}`)
    if (saying(known()) === saying(stored)) return 'current'
    const start = Date.now()
    while (saying(known()) !== saying(stored) && Date.now() - start < LONGEST_WAIT_MS) await sleep(20)
    this.look()
    return 'changed'
  }

  /** Looks at what is known now. */
  look(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { objects, settings, discovery, onFound } = this.#options
    if (!objects.synced) return
    const all = (kind: AgentKind) => objects.of(AGENT_KINDS[kind]).values()
    const facts = factsOf(all, this.#named, discovery)
    const { sources, problems, wants } = discover(facts, settings.config.discover, this.#before)
    this.#named.sync(wants)
    // What these hold is part of it: it comes in a moment.
    if (!this.#named.known) return
    this.#before = sources
    const found = this.#found(sources)
    const told = { sources: found.sources, problems: [...problems, ...found.problems] }
    const text = stringifyJson([found.sources.map(({ discovered }) => discovered), told.problems])
    if (text !== this.#told) onFound(told)
    this.#told = text
    this.#announce(sources)
  }

  #announce(sources: readonly DiscoveredSource[]): void {
    const before = this.#announced
    this.#announced = new Map(sources.map(({ name, announced }) => [name, announced]))
    for (const [name, commit] of this.#announced)
      if (commit !== undefined && before.get(name) !== commit) this.#options.onAnnounced(name, commit)
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.look(), TOGETHER_MS)
  }

  /** One that is the same keeps its settings: nothing is read or compiled again for it. */
  #found(discovered: readonly DiscoveredSource[]): FoundSources {
    const kept = new Map<string, { text: string; settings: SourceSettings }>()
    const problems: DiscoveryProblem[] = []
    for (const one of discovered) {
      // Where the agent is says what to look at, and changes nothing of how it is guarded.
      const text = stringifyJson({ ...one, startAt: null, announced: null })
      const before = this.#settings.get(one.name)
      try {
        const settings =
          before?.text === text ? before.settings : discoveredSettings(one, this.#options.settings)
        kept.set(one.name, { text, settings })
      } catch (error) {
        problems.push({ source: one.name, message: error instanceof Error ? error.message : String(error) })
      }
    }
    this.#settings = kept
    return { sources: [...kept.values()].map(({ settings }) => settings), problems }
  }
}

/** What an object says of how its sources are read. */
function saying(object: KubeObject | undefined): string {
  return stringifyJson([object?.spec, object?.metadata['deletionTimestamp'], object?.metadata['annotations']])
}

function isSyncing({ status, operation }: KubeObject): boolean {
  return operation !== undefined || fieldOf(fieldOf(status, 'operationState'), 'phase') === 'Running'
}

/** Facts in order, so that the same objects give the same sources. */
export function factsOf(
  all: (kind: AgentKind) => Iterable<KubeObject>,
  values: { get: AgentFacts['values'] },
  discovery: Pick<Discovery, 'serverVersion' | 'served'>,
): AgentFacts {
  const { serverVersion } = discovery
  const textOf = ({ metadata }: { metadata: { [key: string]: unknown } }) =>
    `${String(metadata['namespace'])}/${String(metadata['name'])}`
  return {
    all: (kind) => [...all(kind)].toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1)),
    find: (kind, namespace, name) => {
      for (const object of all(kind)) if (textOf(object) === `${namespace}/${name}`) return object
      return undefined
    },
    values: (reference) => values.get(reference),
    ...(serverVersion === ''
      ? {}
      : { cluster: { kubeVersion: serverVersion, apiVersions: discovery.served() } }),
  }
}
