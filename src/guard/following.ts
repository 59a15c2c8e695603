import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { DesiredIndex } from '../policy/snapshot.ts'
import type { WatchEvent } from '../reconcile/events.ts'
import type { Reconciler } from '../reconcile/reconciler.ts'
import { UndeclaredWatches } from './undeclared-watches.ts'
import { Watches } from './watches.ts'

export interface FollowingOptions {
  api: ClusterApi
  discovery: Discovery
  reconciler: Reconciler
  /** As it is now. */
  index(): DesiredIndex
  /** Every event of a declared kind. */
  observe(type: WatchEvent, object: KubeObject): void
}

/** What of the cluster is watched: the kinds that Git declares, and all kinds in namespaces where Git must name everything. */
export class Following {
  readonly watches: Watches
  readonly #index: () => DesiredIndex
  readonly #undeclared: UndeclaredWatches

  constructor({ api, discovery, reconciler, index, observe }: FollowingOptions) {
    this.#index = index
    this.watches = new Watches({
      api,
      discovery,
      listener: {
        listing: (kind) => reconciler.listing(kind),
        synced: (kind) => reconciler.synced(kind),
        observe,
      },
      wants: (group, kind, namespace, name) => this.#wants({ group, kind, namespace, name }),
    })
    this.#undeclared = new UndeclaredWatches({ api, discovery, reconciler })
  }

  /** Watches come and go with what Git declares now. */
  sync(): void {
    const index = this.#index()
    this.watches.sync(index.all())
    const strict = [...index.namespaces()].filter((namespace) =>
      index.sourcesOf(namespace).some(({ undeclared }) => undeclared !== 'allow'),
    )
    this.#undeclared.sync(new Set(strict))
  }

  async stop(): Promise<void> {
    await Promise.all([this.watches.stop(), this.#undeclared.stop()])
  }

  #wants(ref: ObjectRef): boolean {
    const index = this.#index()
    if (index.declared(ref) !== undefined) return true
    return ref.group === '' && ref.kind === 'Namespace' && index.namespaces().has(ref.name)
  }
}
