/** How far Flux and Argo CD are with each source, read from their own objects. */
import type { KubeObject } from '../model/json.ts'
import type { ClusterApi } from './api.ts'
import { ApiError } from './api-error.ts'
import type { Resource } from './api-path.ts'
import { argocdBringsIn, argocdReading } from './agent-progress-argocd.ts'
import { fluxBringsIn, fluxReading, gitRepositoryOf } from './agent-progress-flux.ts'
import { helmChartOf, helmReading } from './agent-progress-helm.ts'
import { combineReadings } from './agent-progress-reading.ts'
import type { AgentObject, AgentReading, FollowedSource, SameRepository } from './agent-progress-reading.ts'
import {
  AgentObjects,
  APPLICATIONS,
  GIT_REPOSITORIES,
  HELM_CHARTS,
  HELM_RELEASES,
  KUSTOMIZATIONS,
} from './agent-objects.ts'

export interface AgentProgressOptions {
  api: Pick<ClusterApi, 'get' | 'list' | 'stream' | 'patch'>
  same: SameRepository
  /** Followed by whoever has made them. Default: those that are needed here. */
  objects?: AgentObjects
  /** Milliseconds since the epoch. Default: the system's clock. */
  now?: () => number
  /** The right to read an agent's objects is missing, or one could not be asked. */
  onError?: (error: unknown) => void
}

const BY_KIND: { readonly [kind in AgentObject['kind']]: Resource } = {
  Kustomization: KUSTOMIZATIONS,
  HelmRelease: HELM_RELEASES,
  Application: APPLICATIONS,
}

/** An agent's object that brings a source in. */
interface Bringer {
  resource: Resource
  object: KubeObject
  /** Flux's GitRepository, and which of an Application's sources. */
  repository?: KubeObject
  /** That a HelmRelease is made from. */
  chart?: KubeObject
  index: number
}

/**
 * Watches say which of the agents' objects bring a source in; how far those are is read when it is asked. A watch's event may come
 * after the event of a write that the agent made later, and on such an answer the guard would take that write back.
 */
export class AgentProgressReader {
  readonly #options: AgentProgressOptions
  readonly #objects: AgentObjects
  #sources = new Map<string, FollowedSource>()

  constructor(options: AgentProgressOptions) {
    this.#options = options
    const { api, onError } = options
    this.#objects =
      options.objects ??
      new AgentObjects({
        api,
        resources: [KUSTOMIZATIONS, GIT_REPOSITORIES, APPLICATIONS],
        ...(onError === undefined ? {} : { onError }),
      })
  }

  /** The sources that may be asked about, from now on. */
  setSources(sources: readonly FollowedSource[]): void {
    this.#sources = new Map(sources.map((source) => [source.name, source]))
  }

  start(): void {
    if (this.#options.objects === undefined) this.#objects.start()
  }

  async stop(): Promise<void> {
    if (this.#options.objects === undefined) await this.#objects.stop()
  }

  /** All agents' objects were listed, or their kinds are not served. */
  get synced(): boolean {
    return this.#objects.synced
  }

  /**
   * What the agents of a source say; undefined where none brings it in, or it is not known yet. What is answered was read after the call. `at` is when
   * reading began, in milliseconds since the epoch. Rejects where the agent's objects cannot be read.
   */
  async of(source: string, _since?: number): Promise<(AgentReading & { at: number }) | undefined> {
    if (!this.synced) return undefined
    const at = (this.#options.now ?? Date.now)()
    const readings = await Promise.all(this.#bringers(source).map((bringer) => this.#read(bringer)))
    const told = combineReadings(readings.filter((reading) => reading !== undefined))
    return told === undefined ? undefined : { ...told, at }
  }

  /**
   * Asks the agents of a source to look at Git and to apply. Resolves with how many of their objects were asked. What cannot be asked
   * is told to `onError`.
   */
  async nudge(source: string): Promise<number> {
    const asked = await Promise.all(
      this.#bringers(source).flatMap(({ resource, object, repository }) => [
        this.#ask(resource, object),
        ...(repository === undefined ? [] : [this.#ask(GIT_REPOSITORIES, repository)]),
      ]),
    )
    return asked.filter(Boolean).length
  }

  #bringers(name: string): Bringer[] {
    const source = this.#sources.get(name)
    if (source === undefined) return []
    const { same } = this.#options
    if (source.object !== undefined) return this.#bringer(source.object)
    const found: Bringer[] = []
    for (const object of this.#of(KUSTOMIZATIONS).values()) {
      const at = gitRepositoryOf(object)
      const repository = at && this.#of(GIT_REPOSITORIES).get(keyOf(at.namespace, at.name))
      if (repository && fluxBringsIn(source, object, repository, same))
        found.push({ resource: KUSTOMIZATIONS, object, repository, index: 0 })
    }
    for (const object of this.#of(APPLICATIONS).values()) {
      const index = argocdBringsIn(source, object, same)
      if (index !== undefined) found.push({ resource: APPLICATIONS, object, index })
    }
    return found
  }

  #bringer({ kind, namespace, name, index }: AgentObject): Bringer[] {
    const resource = BY_KIND[kind]
    const object = this.#of(resource).get(keyOf(namespace, name))
    if (object === undefined) return []
    const from = kind === 'HelmRelease' ? helmChartOf(object) : undefined
    const chart = from && this.#of(HELM_CHARTS).get(keyOf(from.namespace, from.name))
    const at = gitRepositoryOf(chart ?? object)
    const repository = at && this.#of(GIT_REPOSITORIES).get(keyOf(at.namespace, at.name))
    return [
      {
        resource,
        object,
        index,
        ...(repository === undefined ? {} : { repository }),
        ...(chart === undefined ? {} : { chart }),
      },
    ]
  }

  async #read({ resource, object, repository, chart, index }: Bringer): Promise<AgentReading | undefined> {
    const now = await this.#get(resource, object)
    if (now === undefined) return undefined
    if (resource === APPLICATIONS) return argocdReading(now, index)
    // Only tie-breakers: as new as their watches is enough.
    if (resource === HELM_RELEASES) return helmReading(now, chart, repository)
    return fluxReading(now, repository)
  }

  async #get(resource: Resource, { metadata }: KubeObject): Promise<KubeObject | undefined> {
    try {
      const at = { namespace: String(metadata.namespace), name: String(metadata.name) }
      return (await this.#options.api.get(resource, at, { timeoutMs: 5_000, retries: 1 })).object
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  /** Flux wants another value each time; Argo CD takes its annotation away when it has looked. */
  async #ask(resource: Resource, { metadata }: KubeObject): Promise<boolean> {
    const now = new Date((this.#options.now ?? Date.now)()).toISOString()
    const annotations =
      resource === APPLICATIONS
        ? { 'argocd.argoproj.io/refresh': 'normal' }
        : { 'reconcile.fluxcd.io/requestedAt': now }
    const at = { namespace: String(metadata.namespace), name: String(metadata.name) }
    try {
      const type = 'application/merge-patch+json'
      await this.#options.api.patch(resource, at, { metadata: { annotations } }, { type })
      return true
    } catch (error) {
      this.#options.onError?.(error)
      return false
    }
  }

  #of(resource: Resource): ReadonlyMap<string, KubeObject> {
    return this.#objects.of(resource)
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`
}
