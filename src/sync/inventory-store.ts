import { createHash } from 'node:crypto'
import type { KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import type { ClusterApi } from '../cluster/api.ts'
import { emptyInventory, placeEntries, readEntries, writeEntry } from './inventory.ts'
import type { Inventory, InventoryEntry } from './inventory.ts'

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true }
const LABEL = 'gitops-guard.dev/inventory'
const SOURCE = 'gitops-guard.dev/source'
/** Bytes of a chunk: a ConfigMap holds a mebibyte. */
const LONGEST = 700_000

export interface InventoryStoreOptions {
  api: Pick<ClusterApi, 'list' | 'get' | 'create' | 'update' | 'delete'>
  /** The guard's: nobody else may write there. */
  namespace: string
  source: string
  /** Bytes of a ConfigMap's entries at most. */
  longest?: number
}

interface Chunk {
  resourceVersion: string
  text: string
  keys: ReadonlySet<string>
}

/**
 * The inventory of one source in ConfigMaps of the guard's namespace, as many as it takes. Every write is on the version that was read:
 * of two replicas that both believe a source theirs, the second is refused, and reads again.
 */
export class InventoryStore {
  readonly #options: InventoryStoreOptions
  readonly #id: string
  #chunks: Chunk[] = []

  constructor(options: InventoryStoreOptions) {
    this.#options = options
    this.#id = idOf(options.source)
  }

  /** Names of the first ConfigMap, for people. */
  get name(): string {
    return this.#name(0)
  }

  /** What is kept; undefined where nothing is. Rejects with an ApiError. */
  async load(): Promise<Inventory | undefined> {
    const { api, namespace } = this.#options
    const { object } = await api.list(CONFIG_MAPS, namespace, {
      query: { labelSelector: `${LABEL}=${this.#id}` },
    })
    const maps = new Map((object.items as KubeObject[]).map((map) => [String(map.metadata['name']), map]))
    const entries = new Map<string, InventoryEntry>()
    this.#chunks = []
    for (let index = 0; ; index++) {
      const map = maps.get(this.#name(index))
      if (map === undefined) break
      const text = String(fieldOf(map['data'], 'objects') ?? '')
      const own = readEntries(text)
      for (const [key, entry] of own) entries.set(key, entry)
      const resourceVersion = String(map.metadata['resourceVersion'])
      this.#chunks.push({ resourceVersion, text, keys: new Set(own.keys()) })
    }
    const first = maps.get(this.#name(0))
    if (first === undefined) return undefined
    return { ...headOf(first), entries }
  }

  /** Which commit is being applied or was, read anew; undefined where none was. */
  async head(): Promise<{ revision: string; complete: boolean } | undefined> {
    const { api, namespace } = this.#options
    const { object } = await api.get(CONFIG_MAPS, { namespace, name: this.#name(0) })
    return headOf(object)
  }

  /** Writes what differs. Rejects with an ApiError, a 409 where somebody else wrote since it was read. */
  async save({ revision, complete, entries }: Inventory): Promise<void> {
    const { longest = LONGEST } = this.#options
    const before = this.#chunks.map(({ keys }) => keys)
    const placed = placeEntries(entries, before, longest)
    for (const [index, own] of placed.entries()) {
      const text = [...own.values()].map((entry) => `${writeEntry(entry)}\n`).join('')
      const known = this.#chunks[index]
      // The first says who brings this source in: it is written each time.
      if (index > 0 && known?.text === text) continue
      const head = index === 0 ? { revision, state: complete ? 'applied' : 'applying' } : {}
      const resourceVersion = await this.#write(index, { ...head, objects: text }, known?.resourceVersion)
      this.#chunks[index] = { resourceVersion, text, keys: new Set(own.keys()) }
    }
    while (this.#chunks.length > placed.length) await this.#drop()
  }

  /** Forgets the source. What it brought in stays. */
  async remove(): Promise<void> {
    while (this.#chunks.length > 0) await this.#drop()
  }

  async #write(
    index: number,
    data: { [key: string]: string },
    resourceVersion: string | undefined,
  ): Promise<string> {
    const { api, namespace, source } = this.#options
    const map: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: this.#name(index),
        namespace,
        labels: { [LABEL]: this.#id, 'app.kubernetes.io/name': 'gitops-guard' },
        annotations: { [SOURCE]: source },
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      data,
    }
    const { object } =
      resourceVersion === undefined ? await api.create(CONFIG_MAPS, map) : await api.update(CONFIG_MAPS, map)
    return String(object.metadata['resourceVersion'])
  }

  async #drop(): Promise<void> {
    const { api, namespace } = this.#options
    const index = this.#chunks.length - 1
    const { resourceVersion } = this.#chunks[index]!
    await api.delete(
      CONFIG_MAPS,
      { namespace, name: this.#name(index) },
      { preconditions: { resourceVersion } },
    )
    this.#chunks.pop()
  }

  #name(index: number): string {
    return `gitops-guard-inventory-${this.#id}-${index}`
  }
}

/** Sources whose inventories are kept in this namespace. Rejects with an ApiError. */
export async function keptInventories(api: Pick<ClusterApi, 'list'>, namespace: string): Promise<string[]> {
  const { object } = await api.list(CONFIG_MAPS, namespace, { query: { labelSelector: LABEL } })
  const sources = (object.items as KubeObject[]).map((map) => fieldOf(map.metadata['annotations'], SOURCE))
  return [...new Set(sources.filter((source) => typeof source === 'string'))]
}

function headOf(map: KubeObject): { revision: string; complete: boolean } {
  return {
    revision: String(fieldOf(map['data'], 'revision') ?? emptyInventory.revision),
    complete: fieldOf(map['data'], 'state') === 'applied',
  }
}

/** A source's name may hold what a label may not. */
function idOf(source: string): string {
  return createHash('sha256').update(source).digest('hex').slice(0, 12)
}
