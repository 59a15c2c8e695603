import type { ResourceInfo } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Declared } from '../model/policy.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { Reflector, type ReflectorState } from '../cluster/reflector.ts'
import type { WatchEvent } from '../reconcile/events.ts'
import { versionOf } from '../object/identity.ts'

/** What watches tell: the reconciler takes it. */
export interface Listener {
  listing(kind: { group: string; kind: string }): void
  observe(type: WatchEvent, object: KubeObject): void
  synced(kind: { group: string; kind: string }): void
}

export interface WatchesOptions {
  api: ClusterApi
  discovery: Discovery
  listener: Listener
  /** Whether an object of this kind is wanted: declared, or a namespace that something declared lives in. */
  wants(group: string, kind: string, namespace: string, name: string): boolean
}

/** How one watch does, for metrics and `/readyz`. */
export interface WatchState extends ReflectorState {
  group: string
  kind: string
}

const NAMESPACE = { group: '', kind: 'Namespace', version: 'v1' }

/** A watch for every kind that Git declares, at the version at which it is compared; they come and go with Git. */
export class Watches {
  readonly #options: WatchesOptions
  readonly #reflectors = new Map<string, { resource: ResourceInfo; reflector: Reflector }>()
  /** Declared kinds that the API server does not serve. */
  #absent: string[] = []

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  /** Follows the kinds of these objects and no others. */
  sync(all: Iterable<Declared>): void {
    const { discovery } = this.#options
    const wanted = new Map<string, ResourceInfo>()
    const absent = new Set<string>()
    const want = (group: string, kind: string, version: string) => {
      const info = discovery.resourceFor(group, kind, discovery.comparedVersion(group, kind, version))
      if (info === undefined) absent.add(group === '' ? kind : `${group}/${kind}`)
      else if (info.verbs.includes('watch')) wanted.set(keyOf(info), info)
    }
    want(NAMESPACE.group, NAMESPACE.kind, NAMESPACE.version)
    for (const { manifest } of all)
      want(manifest.ref.group, manifest.ref.kind, versionOf(manifest.object.apiVersion))
    this.#absent = [...absent]
    for (const [key, { reflector }] of this.#reflectors) {
      if (wanted.has(key)) continue
      this.#reflectors.delete(key)
      void reflector.stop()
    }
    for (const [key, info] of wanted) {
      const running = this.#reflectors.get(key)?.reflector
      if (running === undefined) this.#start(key, info)
      // Its definition went and is back: no need to wait for the next try.
      else if (running.state().phase === 'absent') running.wake()
    }
  }

  /** A watch of this kind runs. */
  follows({ group, kind }: { group: string; kind: string }): boolean {
    return [...this.#reflectors.values()].some(
      ({ resource }) => resource.group === group && resource.kind === kind,
    )
  }

  /** Every kind was listed completely once. */
  get synced(): boolean {
    return [...this.#reflectors.values()].every(({ reflector }) => {
      const { synced, phase } = reflector.state()
      return synced || phase === 'absent'
    })
  }

  states(): WatchState[] {
    return [...this.#reflectors.values()].map(({ resource, reflector }) => ({
      ...reflector.state(),
      group: resource.group,
      kind: resource.kind,
    }))
  }

  /** Declared kinds that the API server does not serve, `group/Kind`. */
  get absent(): readonly string[] {
    return this.#absent
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map(({ reflector }) => reflector.stop()))
  }

  #start(key: string, resource: ResourceInfo): void {
    const { api, listener, wants } = this.#options
    const { group, kind } = resource
    const reflector = new Reflector({
      api,
      resource,
      wants: (namespace, name) => wants(group, kind, namespace, name),
      onListing: () => listener.listing({ group, kind }),
      onEvent: (type, object) => listener.observe(type, object),
      onSynced: () => listener.synced({ group, kind }),
    })
    this.#reflectors.set(key, { resource, reflector })
    reflector.start()
  }
}

function keyOf({ group, version, resource }: ResourceInfo): string {
  return `${group}/${version}/${resource}`
}
