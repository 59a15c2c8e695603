/** Follows the objects that tell agents what to bring in: Flux's and Argo CD's own. */
import type { KubeObject } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'
import type { ClusterApi } from './api.ts'
import { ApiError } from './api-error.ts'
import type { Resource } from './api-path.ts'
import { Reflector } from './reflector.ts'

const flux = (group: string, version: string, resource: string, kind: string): Resource => ({
  group: `${group}.toolkit.fluxcd.io`,
  version,
  resource,
  kind,
  namespaced: true,
})
const argo = (resource: string, kind: string): Resource => ({
  group: 'argoproj.io',
  version: 'v1alpha1',
  resource,
  kind,
  namespaced: true,
})

export const KUSTOMIZATIONS = flux('kustomize', 'v1', 'kustomizations', 'Kustomization')
export const GIT_REPOSITORIES = flux('source', 'v1', 'gitrepositories', 'GitRepository')
export const HELM_RELEASES = flux('helm', 'v2', 'helmreleases', 'HelmRelease')
export const HELM_CHARTS = flux('source', 'v1', 'helmcharts', 'HelmChart')
export const APPLICATIONS = argo('applications', 'Application')
export const PROJECTS = argo('appprojects', 'AppProject')

/** Fields of a status that say how far an agent is. */
const STATUS = [
  'artifact',
  'lastAttemptedRevision',
  'lastAppliedRevision',
  'sync',
  'observedGeneration',
  'observedSourceArtifactRevision',
]
/** Conditions of a HelmRelease that say whether Helm is at work, and whether it gave up. */
const CONDITIONS = ['Ready', 'Reconciling', 'Stalled', 'Remediated']

const SKIP_RECONCILE = 'argocd.argoproj.io/skip-reconcile'

export interface AgentObjectsOptions {
  api: Pick<ClusterApi, 'list' | 'stream'>
  resources: readonly Resource[]
  /** The right to read them is missing. */
  onError?: (error: unknown) => void
}

export class AgentObjects {
  readonly #options: AgentObjectsOptions
  readonly #kept = new Map<Resource, Map<string, KubeObject>>()
  readonly #reflectors: Reflector[]
  readonly #listeners = new Set<() => void>()
  #started = false

  constructor(options: AgentObjectsOptions) {
    this.#options = options
    this.#reflectors = options.resources.map((resource) => this.#follow(resource))
  }

  start(): void {
    this.#started = true
    for (const reflector of this.#reflectors) reflector.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
  }

  /** Follows these too. */
  add(resources: readonly Resource[]): void {
    for (const resource of resources) {
      if (this.#kept.has(resource)) continue
      const reflector = this.#follow(resource)
      this.#reflectors.push(reflector)
      if (this.#started) reflector.start()
    }
  }

  /** Called when an object is another one now, came or went, and when a list is complete. Returns how to end that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** All were listed, or their kinds are not served. */
  get synced(): boolean {
    return this.#reflectors.every((reflector) => {
      const { synced, phase } = reflector.state()
      return synced || phase === 'absent'
    })
  }

  /** By `NAMESPACE/NAME`; none of a kind that is not followed. */
  of(resource: Resource): ReadonlyMap<string, KubeObject> {
    return this.#kept.get(resource) ?? new Map()
  }

  #follow(resource: Resource): Reflector {
    const kept = new Map<string, KubeObject>()
    this.#kept.set(resource, kept)
    let listed: Set<string> | undefined
    let told = false
    const { api, onError } = this.#options
    const changed = () => this.#listeners.forEach((listener) => listener())
    return new Reflector({
      api,
      resource,
      onListing: () => (listed = new Set()),
      onEvent: (type, object) => {
        const key = agentObjectKey(object)
        listed?.add(key)
        if (type === 'deleted') kept.delete(key)
        else kept.set(key, whatMatters(object))
        if (listed === undefined) changed()
      },
      onSynced: () => {
        for (const key of kept.keys()) if (listed?.has(key) === false) kept.delete(key)
        listed = undefined
        changed()
      },
      // A kind that is no longer served keeps what was known: whoever takes a definition away must not unguard everything.
      onState: ({ phase, lastError }) => {
        if (phase === 'absent') changed()
        // Everything else passes: a server that restarts, a kind that is just coming.
        const refused = phase === 'waiting' && lastError instanceof ApiError && lastError.status === 403
        if (refused && !told) onError?.(lastError)
        if (phase !== 'listing') told = refused
      },
    })
  }
}

export function agentObjectKey({ metadata }: KubeObject): string {
  return `${String(metadata['namespace'] ?? '')}/${String(metadata['name'])}`
}

/** Inventories, histories and the lists of resources are long, and of no use here. */
export function whatMatters(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, spec, status, operation } = object
  const operationState = fieldOf(status, 'operationState')
  const history = fieldOf(status, 'history')
  const kept = pick(status, STATUS)
  if (kept['sync'] !== undefined) kept['sync'] = pick(kept['sync'], ['status', 'revision', 'revisions'])
  if (isObject(operationState)) {
    const begun = pick(fieldOf(fieldOf(operationState, 'operation'), 'sync'), ['revision', 'revisions'])
    kept['operationState'] = {
      ...pick(operationState, ['phase']),
      operation: { sync: begun },
      syncResult: pick(fieldOf(operationState, 'syncResult'), ['revision', 'revisions']),
    }
  }
  // Flux keeps a history of another kind under this name.
  if (kind === 'Application' && Array.isArray(history) && history.length > 0)
    kept['history'] = [pick(history.at(-1), ['revision', 'revisions'])]
  if (kind === 'HelmRelease') {
    const [newest] = Array.isArray(history) ? history : []
    kept['history'] = newest === undefined ? [] : [pick(newest, ['chartVersion', 'status'])]
    const conditions = fieldOf(status, 'conditions')
    kept['conditions'] = (Array.isArray(conditions) ? conditions : [])
      .filter((one) => CONDITIONS.includes(String(fieldOf(one, 'type'))))
      .map((one) => pick(one, ['type', 'status']))
  }
  return {
    apiVersion,
    kind,
    metadata: {
      ...pick(metadata, ['namespace', 'name', 'deletionTimestamp']),
      // What else has one is compared as a whole where it changes.
      ...(kind === 'HelmRelease' || kind === 'HelmChart' ? pick(metadata, ['generation']) : {}),
      namespace: metadata['namespace'] ?? '',
      annotations: pick(metadata['annotations'], [SKIP_RECONCILE]),
    },
    spec: spec ?? {},
    status: kept,
    ...(operation === undefined ? {} : { operation }),
  }
}

function pick(value: unknown, fields: readonly string[]): KubeObject['metadata'] {
  const picked: KubeObject['metadata'] = {}
  for (const field of fields) {
    const found = fieldOf(value as never, field)
    if (found !== undefined) picked[field] = found
  }
  return picked
}
