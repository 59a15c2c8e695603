import { setTimeout as sleep } from 'node:timers/promises'
import type { DesiredState } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { refKey } from '../object/identity.ts'
import type { WatchEvent } from '../reconcile/events.ts'
import type { AgentProgress } from '../reconcile/ahead.ts'
import { systemClock } from '../reconcile/clock.ts'
import type { Objects } from '../reconcile/objects.ts'
import { targetOf } from '../reconcile/objects.ts'
import { Applier } from '../sync/applier.ts'
import { contentsOfDefinition, contentsOfNamespace, type Contents } from '../sync/contents.ts'
import type { SyncEvent, SyncReport } from '../sync/events.ts'
import type { InventoryEntry } from '../sync/inventory.ts'
import { InventoryStore, keptInventories } from '../sync/inventory-store.ts'
import { leaveSource } from '../sync/leave.ts'
import { Pruner } from '../sync/pruner.ts'
import { untilServed } from '../sync/served.ts'
import { SourceSync } from '../sync/source-sync.ts'
import { whyOf } from '../sync/why.ts'
import type { SourceSettings } from './settings.ts'

export interface SyncsOptions {
  sources: readonly SourceSettings[]
  api: ClusterApi
  discovery: Discovery
  objects: Objects
  /** The guard's: inventories are kept there. */
  namespace: string
  stateOf(source: string): DesiredState | undefined
  holderOf(ref: ObjectRef): string | undefined
  complete(): boolean
  /** Asks Git; resolves with whether it answered. */
  refresh(source: string): Promise<boolean>
  leads(source: string): boolean
  heldUntil(ref: ObjectRef): number | undefined
  check(ref: ObjectRef): void
  tell(event: SyncEvent): void
}

/** The sources that the guard brings in itself. */
export class Syncs {
  readonly #options: SyncsOptions
  readonly #syncs = new Map<string, { sync: SourceSync; store: InventoryStore }>()
  readonly #stopping = new AbortController()
  #leaving: Promise<void> = Promise.resolve()

  constructor(options: SyncsOptions) {
    this.#options = options
    for (const source of options.sources) if (source.sync !== undefined) this.#add(source, source.sync)
  }

  /** No source is the guard's to bring in. */
  get none(): boolean {
    return this.#syncs.size === 0
  }

  has(source: string): boolean {
    return this.#syncs.has(source)
  }

  start(): void {
    for (const { sync } of this.#syncs.values()) sync.start()
    this.#leaving = this.#leaveOthers()
  }

  /** Something changed for one source, or for all. */
  wake(source?: string): void {
    for (const [name, { sync }] of this.#syncs) if (source === undefined || name === source) sync.wake()
  }

  observe(type: WatchEvent, object: KubeObject, source: string, key: string): void {
    this.#syncs.get(source)?.sync.observe(key, type === 'deleted' ? undefined : object)
  }

  /** Whether an object is still to be brought in, of a source that the guard brings in. */
  bringing(source: string, ref: ObjectRef): 'now' | 'failed' | undefined {
    return this.#syncs.get(source)?.sync.bringing(refKey(ref))
  }

  /** The commit that is being applied, or was, whichever replica does it; undefined for sources of other agents. */
  async progress(source: string): Promise<AgentProgress | undefined> {
    const at = Date.now()
    const head = await this.#syncs.get(source)?.store.head()
    if (head === undefined) return undefined
    return { revision: head.revision, state: head.complete ? 'applied' : 'applying', at }
  }

  reports(): Map<string, SyncReport> {
    return new Map([...this.#syncs].map(([name, { sync }]) => [name, sync.report()]))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#leaving
    await Promise.all([...this.#syncs.values()].map(({ sync }) => sync.stop()))
  }

  #add({ policy }: SourceSettings, { pruneMax, readyMs, managers }: NonNullable<SourceSettings['sync']>) {
    const { api, discovery, objects, namespace, tell, leads, heldUntil, check } = this.#options
    const source = policy.name
    const store = new InventoryStore({ api, namespace, source })
    const applier = new Applier({
      objects,
      resourceFor: (group, kind) => discovery.resourceFor(group, kind),
      managers,
      recreate: policy.recreate,
    })
    const pruner = new Pruner({
      source,
      applier,
      clock: systemClock,
      contents: (entry) => this.#contents(entry, applier),
      tell,
    })
    const sync = new SourceSync({
      source,
      git: {
        state: () => this.#options.stateOf(source),
        holderOf: (ref) => this.#options.holderOf(ref),
        complete: () => this.#options.complete(),
        refresh: () => this.#options.refresh(source),
      },
      store,
      applier,
      pruner,
      clock: systemClock,
      namespace,
      readyMs,
      pruneMax,
      leads: () => leads(source),
      heldUntil,
      served: (definition) => untilServed(definition, () => objects.get(targetOf(definition)), discovery),
      check,
      tell,
    })
    this.#syncs.set(source, { sync, store })
  }

  /** Sources that were the guard's to bring in, and are another agent's now. Never rejects. */
  async #leaveOthers(): Promise<void> {
    const { api, namespace, sources, leads, objects, discovery, tell } = this.#options
    const left = new Set<string>()
    for (let pauseMs = 1_000; !this.#stopping.signal.aborted; pauseMs = Math.min(60_000, pauseMs * 2)) {
      let why = ''
      let last = ''
      try {
        for (const source of await keptInventories(api, namespace)) {
          last = source
          if (this.#syncs.has(source) || left.has(source)) continue
          if (!sources.some(({ policy }) => policy.name === source)) {
            left.add(source)
            tell({ event: 'stranded', source })
          } else if (leads(source)) {
            const store = new InventoryStore({ api, namespace, source })
            const applier = new Applier({
              objects,
              resourceFor: (group, kind) => discovery.resourceFor(group, kind),
              managers: [],
              recreate: false,
            })
            tell({ event: 'left', source, objects: await leaveSource(store, objects, applier) })
          }
        }
        return
      } catch (error) {
        why = whyOf(error)
        // Without a right to look there is nothing that was kept.
        if (error instanceof ApiError && error.status === 403 && last === '') return
      }
      tell({ event: 'not-left', source: last, why })
      await sleep(pauseMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined)
    }
  }

  async #contents(entry: InventoryEntry, applier: Applier): Promise<Contents> {
    const { api, discovery } = this.#options
    if (entry.ref.kind === 'Namespace') return contentsOfNamespace(api, discovery, entry.ref.name)
    const definition = await applier.live(entry)
    if (definition === undefined) return { found: [], unseen: [] }
    return contentsOfDefinition(api, discovery, definition)
  }
}
