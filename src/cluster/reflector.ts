/** Follows one resource for good: lists it, watches it, and comes back after whatever happens. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf, isObject, parseJson } from '../object/json.ts'
import type { ClusterApi } from './api.ts'
import { ApiError, readStatus } from './api-error.ts'
import { collectionPath, queryText } from './api-path.ts'
import type { Resource } from './api-path.ts'
import { Backoff } from './backoff.ts'
import { readLines } from './read-lines.ts'

export type EventType = 'added' | 'modified' | 'deleted'

/**
 * `listing`: what is there is being read. `watching`: all is known, events follow. `absent`: the kind is not served. `waiting`:
 * there is no connection, the next try comes.
 */
export type Phase = 'listing' | 'watching' | 'absent' | 'waiting'

export interface ReflectorState {
  phase: Phase
  /** The list was complete once, and nothing that came after it is known to be lost. */
  synced: boolean
  /** '' before the first list. */
  resourceVersion: string
  /** When the last object came, in milliseconds since the epoch; 0 for never. */
  lastEventAt: number
  /** For how long changes may not have been seen, in milliseconds: 0 while a live watch is open. */
  staleForMs: number
  lastError: Error | undefined
}

export interface ReflectorOptions {
  api: Pick<ClusterApi, 'list' | 'stream'>
  resource: Resource
  /** One namespace; all when absent. */
  namespace?: string | undefined
  fieldSelector?: string | undefined
  labelSelector?: string | undefined
  /** Only apiVersion, kind and metadata. */
  metadataOnly?: boolean
  /**
   * Whether an object is of interest. Where its name can be told from the first bytes, others are not even parsed, and `onEvent` may or may
   * not be called for them.
   */
  wants?: ((namespace: string, name: string) => boolean) | undefined
  /** A full list begins; each object in it is 'added', known or not. */
  onListing?: () => void
  /** The next event waits until a promise is resolved; the socket is paused meanwhile. What it throws is reported, no more. */
  onEvent: (type: EventType, object: KubeObject) => void | Promise<void>
  /** The list is complete: what was not in it since `onListing` does not exist. */
  onSynced?: () => void
  /** After the phase changed, or an error came. */
  onState?: (state: ReflectorState) => void
  /** Objects a page, where the API server cannot stream the list. Default 500. */
  pageSize?: number
  /** Default: try to stream the list (WatchList), fall back to pages. */
  streamList?: boolean
  /** A watch that is silent for so long is dead. Default 75 s: bookmarks come every minute. */
  silenceMs?: number
  random?: () => number
}

const OPEN_TIMEOUT_MS = 30_000
/** While a list is streamed. */
const LIST_SILENCE_MS = 15_000
/** Who is not there is asked again: a refused connection costs little, a refusal by a busy server more. */
const MAX_WAIT_MS = { unreachable: 3_000, refused: 30_000, absent: 15_000 }

/**
 * Never ends by itself: dropped and half-open connections, 410, 429, 500s and 401s are retried with jittered pauses, from the last version
 * where the API server still has it. Keeps no object.
 */
export class Reflector {
  readonly #options: ReflectorOptions
  readonly #backoff: Backoff
  readonly #random: () => number
  readonly #silenceMs: number
  #phase: Phase = 'listing'
  #synced = false
  #version = ''
  #streamList: boolean
  /** An expired page: the next list is in one piece. */
  #unpaged = false
  #lastEventAt = 0
  #staleSince = Date.now()
  #lastError: Error | undefined
  #stopped = false
  /** Ends the connection under way. */
  #connection = new AbortController()
  #sleeping = new AbortController()
  #loop: Promise<void> | undefined

  constructor(options: ReflectorOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#backoff = new Backoff(100, this.#random)
    this.#streamList = options.streamList ?? true
    this.#silenceMs = options.silenceMs ?? 75_000
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** After it resolves nothing is called. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#connection.abort()
    this.#sleeping.abort()
    await this.#loop
  }

  /** Lists all again, now. */
  relist(): void {
    this.#version = ''
    this.#connection.abort(LIST_AGAIN)
    this.wake()
  }

  /** Tries again now what it waits to try: the kind may have come, the API server may be back. */
  wake(): void {
    this.#backoff.reset()
    this.#sleeping.abort()
  }

  state(): ReflectorState {
    return {
      phase: this.#phase,
      synced: this.#synced,
      resourceVersion: this.#version,
      lastEventAt: this.#lastEventAt,
      staleForMs: this.#phase === 'watching' ? 0 : Date.now() - this.#staleSince,
      lastError: this.#lastError,
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#follow()
        // The server ended the watch, as it does after timeoutSeconds: nothing is wrong.
        await this.#pause(20 * this.#random())
      } catch (error) {
        await this.#recover(error)
      }
    }
  }

  /** One connection, or a list in pages and one. */
  async #follow(): Promise<void> {
    if (this.#version === '') {
      this.#enter('listing')
      this.#options.onListing?.()
      if (this.#streamList) {
        await this.#watch({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' })
        return
      }
      await this.#listPages()
    }
    await this.#watch({ resourceVersion: this.#version })
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#stopped) return
    const failure = error instanceof Error ? error : new Error(String(error))
    const status = failure instanceof ApiError ? failure.status : 0
    this.#lost()
    if (this.#connection.signal.reason === LIST_AGAIN) return
    const listing = this.#version === ''
    if (listing && this.#streamList && (status === 400 || status === 422)) {
      // No WatchList there.
      this.#streamList = false
      return
    }
    this.#lastError = failure
    if (status === 410) {
      this.#unpaged = listing && !this.#streamList
      this.#version = ''
      this.#synced = false
      this.#enter('listing')
      // The first new list comes at once; a server that says so again and again is left in peace.
      await this.#pause(this.#backoff.next(MAX_WAIT_MS.refused) - 50)
    } else if (status === 404 || status === 405) {
      this.#version = ''
      this.#synced = false
      this.#enter('absent')
      await this.#pause(this.#backoff.next(MAX_WAIT_MS.absent))
    } else {
      this.#enter('waiting')
      const retryAfter = failure instanceof ApiError ? failure.retryAfterSeconds : undefined
      const max = status === 0 ? MAX_WAIT_MS.unreachable : MAX_WAIT_MS.refused
      const wait = this.#backoff.next(max)
      await this.#pause(
        retryAfter === undefined ? wait : Math.max(wait, retryAfter * 1000 * (1 + this.#random() / 4)),
      )
    }
  }

  async #listPages(): Promise<void> {
    const {
      api,
      resource,
      namespace,
      metadataOnly,
      pageSize = 500,
      fieldSelector,
      labelSelector,
    } = this.#options
    let next: string | undefined
    do {
      this.#connection = new AbortController()
      const { object } = await api.list(resource, namespace, {
        query: { limit: this.#unpaged ? undefined : pageSize, continue: next, fieldSelector, labelSelector },
        signal: this.#connection.signal,
        timeoutMs: 120_000,
        retries: 0,
        accept: metadataOnly === true ? accept('PartialObjectMetadataList') : undefined,
      })
      for (const item of object.items) await this.#deliver('added', item)
      const token = fieldOf(object.metadata, 'continue')
      next = typeof token === 'string' && token !== '' ? token : undefined
      if (next === undefined) this.#version = String(fieldOf(object.metadata, 'resourceVersion') ?? '')
    } while (next !== undefined && !this.#stopped)
    this.#unpaged = false
    if (!this.#stopped) this.#isSynced()
  }

  async #watch(query: {
    sendInitialEvents?: boolean
    resourceVersionMatch?: string
    resourceVersion?: string
  }) {
    const { api, resource, namespace, fieldSelector, labelSelector, metadataOnly } = this.#options
    const connection = new AbortController()
    this.#connection = connection
    if (this.#stopped) return
    const path = `${collectionPath(resource, namespace)}${queryText({
      watch: 1,
      allowWatchBookmarks: true,
      // Spread out, so that watches do not all come back at once.
      timeoutSeconds: Math.round(300 + 300 * this.#random()),
      fieldSelector,
      labelSelector,
      ...query,
    })}`
    const opening = setTimeout(() => connection.abort(new Error('no answer to a watch')), OPEN_TIMEOUT_MS)
    const body = await api
      .stream(path, {
        purpose: `watch ${resource.resource}`,
        resource: resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`,
        signal: connection.signal,
        accept: metadataOnly === true ? accept('PartialObjectMetadata') : undefined,
      })
      .finally(() => clearTimeout(opening))
    if (query.resourceVersion !== undefined) this.#enter('watching')
    const silence = (ms: number) => {
      // A server that does not know of streamed lists may take the request for a watch, whose beginning has no end.
      if (this.#version === '') this.#streamList = false
      connection.abort(new Error(`the watch must not be silent: nothing came for ${ms} ms`))
    }
    let watchdog: NodeJS.Timeout | undefined
    const waiting = (isWaiting: boolean) => {
      const ms = this.#version === '' ? Math.min(this.#silenceMs, LIST_SILENCE_MS) : this.#silenceMs
      if (!isWaiting) clearTimeout(watchdog)
      else watchdog = setTimeout(silence, ms, ms)
    }
    try {
      for await (const lines of readLines(body, waiting)) {
        for (const line of lines) {
          if (connection.signal.aborted) throw connection.signal.reason
          await this.#read(line)
        }
      }
      if (connection.signal.aborted) throw connection.signal.reason
      if (this.#version === '') throw new Error('the watch must not end before the list is complete')
    } catch (error) {
      throw connection.signal.aborted ? connection.signal.reason : error
    } finally {
      clearTimeout(watchdog)
      body.destroy()
    }
  }

  async #read(line: Buffer): Promise<void> {
    const { wants } = this.#options
    if (wants !== undefined && !mayBeWanted(line, wants)) return
    const event = parseJson(line.toString())
    const type = fieldOf(event, 'type')
    const object = fieldOf(event, 'object')
    if (type === 'ERROR') {
      const code = fieldOf(object, 'code')
      const info = readStatus(typeof code === 'number' ? code : 500, object, undefined)
      throw new ApiError(`cannot watch ${this.#options.resource.resource}: ${info.serverMessage}`, info)
    }
    this.#backoff.reset()
    const metadata = fieldOf(object, 'metadata')
    const version = fieldOf(metadata, 'resourceVersion')
    if (type === 'BOOKMARK') {
      const initialEnd = fieldOf(fieldOf(metadata, 'annotations'), 'k8s.io/initial-events-end') === 'true'
      if (this.#version !== '' || initialEnd) this.#version = String(version)
      if (initialEnd) {
        this.#isSynced()
        this.#enter('watching')
      }
      return
    }
    const name = EVENTS[String(type)]
    if (name === undefined)
      throw new Error(`an event must be of a known type: current value is ${String(type)}`)
    await this.#deliver(name, object)
    // Only a version after the whole list can be resumed from.
    if (this.#version !== '' && typeof version === 'string') this.#version = version
  }

  async #deliver(type: EventType, object: Json | undefined): Promise<void> {
    if (this.#stopped || !isObject(object) || !isObject(object['metadata'])) return
    this.#lastEventAt = Date.now()
    const { group, version, kind } = this.#options.resource
    // Items of a list do not say what they are, partial ones only that they are partial.
    if (object['kind'] === undefined || this.#options.metadataOnly === true) {
      object['apiVersion'] = group === '' ? version : `${group}/${version}`
      object['kind'] = kind
    }
    try {
      const wait = this.#options.onEvent(type, object as KubeObject)
      if (wait !== undefined) await wait
    } catch (error) {
      this.#lastError = error as Error
      this.#options.onState?.(this.state())
    }
  }

  #isSynced(): void {
    this.#synced = true
    this.#backoff.reset()
    this.#options.onSynced?.()
  }

  #lost(): void {
    if (this.#phase === 'watching') this.#staleSince = Date.now()
  }

  #enter(phase: Phase): void {
    if (this.#phase === phase && phase !== 'waiting') return
    this.#phase = phase
    if (phase === 'watching') this.#lastError = undefined
    this.#options.onState?.(this.state())
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped || ms <= 0) return
    this.#sleeping = new AbortController()
    await sleep(ms, undefined, { signal: this.#sleeping.signal }).catch(() => undefined)
  }
}

const LIST_AGAIN = new Error('a new list is wanted')

const EVENTS: { readonly [type: string]: EventType } = {
  ADDED: 'added',
  MODIFIED: 'modified',
  DELETED: 'deleted',
}

function accept(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`
}

/** How built-in kinds begin, as Go writes them. Custom ones have their keys sorted: their annotations come first. */
const HEAD =
  /^\{"type":"(?:ADDED|MODIFIED|DELETED)","object":\{"kind":"[^"]*","apiVersion":"[^"]*","metadata":\{"name":"([^"\\]*)",(?:"generateName":"[^"\\]*",)?(?:"namespace":"([^"\\]*)")?/

function mayBeWanted(line: Buffer, wants: (namespace: string, name: string) => boolean): boolean {
  const head = HEAD.exec(line.toString('latin1', 0, 700))
  return head === null || wants(head[2] ?? '', head[1]!)
}
