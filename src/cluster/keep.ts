/** Keeps one object of the guard's own as wanted. */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange, Shape } from '../model/path.ts'
import { difference } from '../object/difference.ts'
import { fieldOf, isObject, setKey } from '../object/json.ts'
import type { ClusterApi } from './api.ts'
import { ApiError } from './api-error.ts'
import type { Resource } from './api-path.ts'
import { Backoff } from './backoff.ts'
import { comparable } from '../object/metadata.ts'
import { Reflector } from './reflector.ts'
import type { ReflectorState } from './reflector.ts'

/** What somebody did to the object, and was undone. */
export interface Restoration {
  operation: 'deleted' | 'modified'
  /** `before` is what was wanted. Empty where it was deleted. */
  changes: FieldChange[]
  /** Who probably did it, by managedFields: attribution, no proof. */
  manager: string | undefined
  /** From the event until it was as wanted again, in milliseconds. */
  afterMs: number
}

export interface KeeperOptions {
  api: Pick<ClusterApi, 'get' | 'create' | 'update' | 'list' | 'stream' | 'fieldManager'>
  resource: Resource
  /** The object, or undefined while it is to be left alone. Its name and namespace stay the same. */
  wanted: () => KubeObject | undefined
  name: string
  namespace?: string | undefined
  /** How its lists compare. */
  shape?: () => Shape | undefined
  /** Changes that are left as they are: a platform's own additions. */
  tolerate?: (change: FieldChange) => boolean
  onRestored?: (restoration: Restoration) => void
  /** Tolerated changes, when they are first seen or change. */
  onTolerated?: (changes: FieldChange[]) => void
  onError?: (error: unknown) => void
  /** It is as wanted. */
  onKept?: () => void
}

/** Writes are free for so many in a row; after that they are spaced out, so that two who want different things do not spin. */
const FREE_WRITES = 20
const CALM_MS = 10_000
/** Somebody who deletes it again and again is one of the two: it is never away for long. */
const SPACED_MS = 200
/** Between two tries of a write that failed. */
const LONGEST_RETRY_MS = 1000
/** The same where rights are missing or the object is refused: that does not go away by itself. */
const LONGEST_REFUSED_MS = 10_000

/**
 * Watches one object and puts it back when it is edited or deleted. Labels and annotations of others stay. Every write is on the version
 * that was compared, so several replicas may keep the same object.
 */
export class Keeper {
  readonly #options: KeeperOptions
  readonly #reflector: Reflector
  readonly #backoff = new Backoff(250)
  /** What the API server stored for what is wanted, with its defaults. */
  #stored: KubeObject | undefined
  #live: KubeObject | undefined
  #eventAt = 0
  /** How many events there were: an answer that one overtook may be of yesterday. */
  #events = 0
  #working: Promise<void> | undefined
  #again = false
  #stopped = false
  #retry: NodeJS.Timeout | undefined
  #writes = 0
  #lastWriteAt = 0
  #tolerated = ''

  constructor(options: KeeperOptions) {
    this.#options = options
    let seen: KubeObject | undefined
    this.#reflector = new Reflector({
      api: options.api,
      resource: options.resource,
      namespace: options.namespace,
      fieldSelector: `metadata.name=${options.name}`,
      onListing: () => {
        seen = undefined
      },
      onEvent: (type, object) => {
        seen = type === 'deleted' ? undefined : object
        if (this.#reflector.state().synced) this.#observe(seen)
      },
      onSynced: () => this.#observe(seen),
    })
  }

  /** Begins to watch. What is wanted is put there as soon as it is known what is there. */
  start(): void {
    this.#reflector.start()
  }

  /** `wanted` answers something else now. Resolves when it is there, or could not be put there. */
  async update(): Promise<void> {
    this.#stored = undefined
    this.#work()
    while (this.#working !== undefined) await this.#working
  }

  state(): ReflectorState {
    return this.#reflector.state()
  }

  /** Leaves the object in place. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    await this.#reflector.stop()
    await this.#working
  }

  #observe(live: KubeObject | undefined): void {
    const { resourceVersion } = live?.metadata ?? {}
    const isOwnWrite =
      this.#stored !== undefined && resourceVersion === this.#stored.metadata['resourceVersion']
    this.#live = live
    this.#events++
    if (isOwnWrite) return
    this.#eventAt = performance.now()
    this.#work()
  }

  /** One at a time; what comes meanwhile is looked at afterwards. */
  #work(): void {
    if (this.#stopped || !this.#reflector.state().synced) return
    if (this.#working !== undefined) {
      this.#again = true
      return
    }
    this.#working = this.#restore()
      .catch((error: unknown) => {
        this.#options.onError?.(error)
        this.#later(this.#backoff.next(isRefusal(error) ? LONGEST_REFUSED_MS : LONGEST_RETRY_MS))
      })
      .finally(() => {
        this.#working = undefined
        if (!this.#again) return
        this.#again = false
        this.#work()
      })
  }

  #later(ms: number): void {
    clearTimeout(this.#retry)
    if (!this.#stopped) this.#retry = setTimeout(() => this.#work(), ms)
  }

  async #restore(): Promise<void> {
    const wanted = this.#options.wanted()
    if (wanted === undefined) return
    const live = this.#live
    if (live === undefined) return this.#create(wanted)
    if (live.metadata['deletionTimestamp'] !== undefined) return
    const changes = this.#changes(wanted, live)
    if (changes?.length === 0) return this.#options.onKept?.()
    if (this.#mustWait()) return
    await this.#put(wanted, live, changes)
  }

  async #create(wanted: KubeObject): Promise<void> {
    if (this.#mustWait()) return
    const wasThere = this.#stored !== undefined
    const events = this.#events
    try {
      this.#keep((await this.#options.api.create(this.#options.resource, wanted)).object)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error
      return this.#readAgain()
    }
    if (wasThere) this.#tell({ operation: 'deleted', changes: [], manager: undefined })
    // It may have been deleted before its creation was answered.
    if (this.#events !== events) await this.#readAgain()
  }

  /** Changes is undefined while it is not known what the API server makes of what is wanted: the answer tells. */
  async #put(wanted: KubeObject, live: KubeObject, changes: FieldChange[] | undefined): Promise<void> {
    let answer: KubeObject
    const events = this.#events
    try {
      answer = (await this.#options.api.update(this.#options.resource, over(wanted, live))).object
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 409 && error.status !== 404)) throw error
      return this.#readAgain()
    }
    this.#keep(answer)
    if (changes === undefined) this.#noteTolerated(answer)
    else
      this.#tell({
        operation: 'modified',
        changes,
        manager: lastManager(live, this.#options.api.fieldManager),
      })
    if (this.#events !== events) await this.#readAgain()
  }

  /** Somebody was faster. What an event says meanwhile is newer than the answer. */
  async #readAgain(): Promise<void> {
    const { api, resource, name, namespace } = this.#options
    const events = this.#events
    let live: KubeObject | undefined
    try {
      live = (await api.get(resource, { name, namespace })).object
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error
    }
    if (this.#events === events) this.#live = live
    this.#again = true
  }

  #keep(answer: KubeObject): void {
    this.#stored = answer
    this.#live = answer
    this.#backoff.reset()
    this.#options.onKept?.()
  }

  /** What differs from what is wanted and is not tolerated. */
  #changes(wanted: KubeObject, live: KubeObject): FieldChange[] | undefined {
    const stored = this.#stored
    if (stored === undefined) return undefined
    const all = difference(ownPart(stored, wanted), ownPart(live, wanted), this.#options.shape?.())
    this.#noteTolerated(live)
    return all.filter((change) => this.#options.tolerate?.(change) !== true)
  }

  #noteTolerated(live: KubeObject): void {
    const { tolerate, onTolerated, wanted, shape } = this.#options
    const own = wanted()
    if (tolerate === undefined || own === undefined) return
    const changes = difference(comparable(own), comparable(live), shape?.()).filter(tolerate)
    const text = JSON.stringify(changes)
    if (changes.length > 0 && text !== this.#tolerated) onTolerated?.(changes)
    this.#tolerated = text
  }

  #mustWait(): boolean {
    const now = performance.now()
    if (now - this.#lastWriteAt > CALM_MS) this.#writes = 0
    else if (this.#writes >= FREE_WRITES) {
      const waitMs = this.#lastWriteAt + SPACED_MS - now
      if (waitMs > 0) {
        this.#later(waitMs + 1)
        return true
      }
    }
    this.#writes++
    this.#lastWriteAt = now
    return false
  }

  #tell(restoration: Omit<Restoration, 'afterMs'>): void {
    this.#options.onRestored?.({ ...restoration, afterMs: performance.now() - this.#eventAt })
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 403 || error.status === 422)
}

/** Wanted as a PUT on the live object; labels and annotations that others put there stay. */
function over(wanted: KubeObject, live: KubeObject): KubeObject {
  const { resourceVersion, uid } = live.metadata
  const metadata: JsonObject = { ...wanted.metadata, resourceVersion: resourceVersion!, uid: uid! }
  for (const map of ['labels', 'annotations']) {
    const both: JsonObject = {}
    for (const from of [live, wanted]) {
      const values = fieldOf(from.metadata, map)
      for (const [key, value] of Object.entries(isObject(values) ? values : {})) setKey(both, key, value)
    }
    if (Object.keys(both).length > 0) metadata[map] = both
  }
  return { ...wanted, metadata }
}

/** An object without the labels and annotations that `wanted` does not have. */
function ownPart(object: KubeObject, wanted: KubeObject): KubeObject {
  const part = comparable(object)
  for (const map of ['labels', 'annotations']) {
    const own = fieldOf(wanted.metadata, map)
    const values: Json | undefined = fieldOf(part.metadata, map)
    const kept: JsonObject = {}
    for (const key of Object.keys(isObject(own) ? own : {})) {
      const value = fieldOf(values, key)
      if (value !== undefined) setKey(kept, key, value)
    }
    part.metadata[map] = kept
  }
  return part
}

/** The manager of the newest write, other than our own where there is another as new. */
function lastManager(live: KubeObject, own: string): string | undefined {
  const entries = fieldOf(live.metadata, 'managedFields')
  if (!Array.isArray(entries)) return undefined
  const others = entries.filter(
    (entry) => fieldOf(entry, 'manager') !== own && !fieldOf(entry, 'subresource'),
  )
  const newest = others.toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)))[0]
  const manager = fieldOf(newest, 'manager')
  return typeof manager === 'string' ? manager : undefined
}

function timeOf(entry: Json): string {
  return String(fieldOf(entry, 'time') ?? '')
}
