import type { ResourceInfo } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { WatchEvent } from '../reconcile/events.ts'
import { Reflector } from '../cluster/reflector.ts'

/** Takes what exists in namespaces where Git must name everything. */
interface Listener {
  observeUndeclared(type: WatchEvent, object: KubeObject): void
}

/** Groups whose objects come and go by themselves: nobody declares them. */
const TRANSIENT = new Set(['events.k8s.io', 'metrics.k8s.io', 'coordination.k8s.io', 'discovery.k8s.io'])

/** Watches of metadata only, of every kind that can be listed: for sources that do not let be what Git does not name. */
export class UndeclaredWatches {
  readonly #options: { api: ClusterApi; discovery: Discovery; reconciler: Listener }
  readonly #reflectors = new Map<string, Reflector>()
  #namespaces: ReadonlySet<string> = new Set()

  constructor(options: { api: ClusterApi; discovery: Discovery; reconciler: Listener }) {
    this.#options = options
  }

  /** Watches these namespaces; none ends all watches. */
  sync(namespaces: ReadonlySet<string>): void {
    const grown = [...namespaces].some((name) => !this.#namespaces.has(name))
    this.#namespaces = namespaces
    const wanted = new Map<string, ResourceInfo>()
    if (namespaces.size > 0) {
      for (const info of this.#options.discovery.resources()) {
        if (isWatched(info)) wanted.set(`${info.group}/${info.resource}`, info)
      }
    }
    for (const [key, reflector] of this.#reflectors) {
      if (wanted.has(key)) {
        if (grown) reflector.relist()
        continue
      }
      this.#reflectors.delete(key)
      void reflector.stop()
    }
    for (const [key, info] of wanted) if (!this.#reflectors.has(key)) this.#start(key, info)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()))
    this.#reflectors.clear()
  }

  #start(key: string, resource: ResourceInfo): void {
    const { api, reconciler } = this.#options
    const reflector = new Reflector({
      api,
      resource,
      metadataOnly: true,
      wants: (namespace) => this.#namespaces.has(namespace),
      onEvent: (type, object) => {
        const namespace = object.metadata['namespace']
        if (typeof namespace !== 'string' || !this.#namespaces.has(namespace)) return
        reconciler.observeUndeclared(type, object)
      },
    })
    this.#reflectors.set(key, reflector)
    reflector.start()
  }
}

function isWatched({ group, resource, namespaced, verbs }: ResourceInfo): boolean {
  if (!namespaced || TRANSIENT.has(group) || !verbs.includes('watch') || !verbs.includes('list')) return false
  return group !== '' || !['events', 'endpoints'].includes(resource)
}
