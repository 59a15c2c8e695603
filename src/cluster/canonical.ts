/** What the API server would store for a manifest: asked once, then remembered. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Canonical, Manifest } from '../model/desired.ts'
import type { ResourceInfo } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Shape } from '../model/path.ts'
import { groupOf, refKey, versionOf } from '../object/identity.ts'
import { pathKey } from '../object/path.ts'
import type { Answer, ClusterApi } from './api.ts'
import { ApiError } from './api-error.ts'
import { cleanManifest, declaredForm } from './clean-manifest.ts'
import { comparable } from '../object/metadata.ts'
import type { Discovery } from './discovery.ts'
import { FormStore } from './form-store.ts'
import { filledIn, generatedIn, type Generated } from './generated.ts'
import { makeProbe } from './probe-name.ts'
import { readRefused } from './refused.ts'
import { Semaphore } from './semaphore.ts'
import { serverFilled } from './server-filled.ts'
import type { Shapes } from './shapes.ts'

/**
 * `pending`: its namespace or its kind is not there, ask again when it comes. `invalid`: the API server refuses it, in these words.
 */
export type CanonicalResult =
  { canonical: Canonical } | { pending: string; retryAfterMs?: number } | { invalid: string }

export interface CanonicalOptions {
  api: Pick<ClusterApi, 'get' | 'create' | 'update'>
  discovery: Pick<Discovery, 'resourceFor' | 'comparedVersion' | 'serverVersion' | 'customKind'>
  shapes: Shapes
  /** A text that changes when what admission makes of such objects does: see AdmissionWatch. Default: it never does. */
  admission?: (resource: ResourceInfo, namespace: string) => string
  /** Where forms outlive the process; Secrets' are never written there. */
  file?: string | undefined
  /** Requests under way at the same time. Default 8: more gain nothing. */
  concurrency?: number
  onError?: (error: Error) => void
}

/** A refusal, or a form from declared fields alone, may be otherwise later: asked again after so long. */
const EPHEMERAL_MS = 60_000

/** How often a dry-run on a live object is tried again as the object was changed meanwhile. */
const MOST_RACES = 20

interface Target {
  /** As the manifest names it. */
  declared: ResourceInfo
  /** As it is compared; differs where objects are stored at another version and not converted. */
  compared: ResourceInfo
  shape: Shape | undefined
  manifest: KubeObject
}

/** A dry-run's answer at the compared version. */
interface Stored {
  object: KubeObject
  unattainable: string[]
}

/**
 * Asks by two dry-run POSTs under two other names; what differs between them is the
 * server's own. Where the names are refused: a dry-run PUT on the live object, else a dry-run POST under the real name. Where nothing can be
 * asked, the declared fields.
 */
export class CanonicalForms {
  readonly #options: CanonicalOptions
  readonly #store: FormStore
  readonly #gate: Semaphore
  readonly #underWay = new Map<string, Promise<CanonicalResult>>()
  readonly #ephemeral = new Map<string, { stamp: string; until: number; result: CanonicalResult }>()
  /** By kind and namespace, what the server fills in there without making anything up. */
  readonly #plain = new Map<string, Set<string>>()
  #epoch = 0

  constructor(options: CanonicalOptions) {
    this.#options = options
    this.#gate = new Semaphore(options.concurrency ?? 8)
    this.#store = new FormStore({
      file: options.file,
      ...(options.onError === undefined ? {} : { onError: options.onError }),
    })
  }

  /** Counts up whenever admission, a kind's schema or the server changed: what was seen equal before may not be any more. */
  get epoch(): number {
    return this.#epoch
  }

  /** Forms in memory. */
  get size(): number {
    return this.#store.size
  }

  /** Call it when admission changed. Forms stay whose schema, server and admission are as before. */
  forget(): void {
    this.#epoch++
    this.#plain.clear()
    this.#ephemeral.clear()
  }

  /** Reads which schemas changed; call it when discovery did. Resolves with their group versions. */
  async refresh(): Promise<string[]> {
    const changed = await this.#options.shapes.refresh()
    if (changed.length > 0) this.forget()
    else this.#ephemeral.clear()
    return changed
  }

  /** Forgets what belongs to none of these manifests. */
  retain(manifests: Iterable<Manifest>): void {
    const keys = new Set<string>()
    for (const manifest of manifests) keys.add(keyOf(manifest))
    this.#store.retain((key) => keys.has(key))
    for (const key of this.#ephemeral.keys()) if (!keys.has(key)) this.#ephemeral.delete(key)
  }

  /** Writes to disk what is not there yet. */
  close(): void {
    this.#store.flush()
  }

  /** The resource at whose version the object is read and compared; undefined where the kind is not served. */
  resourceFor({ object }: Pick<Manifest, 'object'>): ResourceInfo | undefined {
    const { discovery } = this.#options
    const group = groupOf(object.apiVersion)
    const version = discovery.comparedVersion(group, object.kind, versionOf(object.apiVersion))
    return discovery.resourceFor(group, object.kind, version)
  }

  /** Loads the schemas of these manifests' kinds ahead of need. What fails is loaded when a form is needed. */
  prepare(manifests: Iterable<Manifest>): void {
    const seen = new Set<string>()
    for (const manifest of manifests) {
      const kind = `${manifest.object.apiVersion}/${manifest.object.kind}`
      if (seen.has(kind)) continue
      seen.add(kind)
      this.#prepare(manifest).catch(() => undefined)
    }
  }

  /**
   * The form if it is known, without asking; not before its kind's schema is, as its lists would be compared by position and nobody
   * found to own what differs. Never change what it returns.
   */
  cached(manifest: Manifest): Canonical | undefined {
    const resource = this.resourceFor(manifest)
    if (resource !== undefined && !this.#options.shapes.isLoaded(resource.group, resource.version))
      return undefined
    const key = keyOf(manifest)
    const stamp = this.#stamp(manifest)
    const known = this.#store.get(key, stamp)
    if (known !== undefined) return known
    const result = this.#ephemeralResult(key, stamp)
    return result !== undefined && 'canonical' in result ? result.canonical : undefined
  }

  /** How lists of the kind compare; undefined until its schema is loaded (`form` does that), or where it has none. */
  shapeOf(manifest: Pick<Manifest, 'object'>): Shape | undefined {
    const resource = this.resourceFor(manifest)
    if (resource === undefined) return undefined
    return this.#options.shapes.shapeOf(resource.group, resource.version, resource.kind)
  }

  /** @throws ApiError where the API server may answer later. */
  async form(manifest: Manifest): Promise<CanonicalResult> {
    const pending = await this.#prepare(manifest)
    if (pending !== undefined) return pending
    const key = keyOf(manifest)
    const stamp = this.#stamp(manifest)
    const known = this.#store.get(key, stamp)
    if (known !== undefined) return { canonical: known }
    const ephemeral = this.#ephemeralResult(key, stamp)
    if (ephemeral !== undefined) return ephemeral
    const underWay = this.#underWay.get(key) ?? this.#gate.run(() => this.#ask(manifest, key, stamp))
    this.#underWay.set(key, underWay)
    return underWay.finally(() => {
      if (this.#underWay.get(key) === underWay) this.#underWay.delete(key)
    })
  }

  /**
   * Where a webhook is down, for those who cannot wait: what a dry-run on the live object says, as the webhook may be asked of creations
   * only, else the manifest itself. Undefined where the kind went away.
   */
  async withoutWebhook(manifest: Manifest): Promise<Canonical | undefined> {
    const target = this.#target(manifest)
    if (target === undefined) return undefined
    try {
      const live = await this.#live(target)
      if (typeof live === 'object') {
        const stored = await this.#gate.run(() => this.#put(target, live))
        return this.#canonical(target, stored, { paths: [], items: [] }, 'dry-run')
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
    return this.#declared(target).canonical
  }

  /**
   * What the API server would make of the live object if the manifest were put on it now. Undefined where it refuses, so that this says
   * nothing (immutable fields, no right).
   *
   * @throws ApiError where it may answer later; with status 409 where `live` is not the newest version.
   */
  async confirm(manifest: Manifest, live: KubeObject): Promise<KubeObject | undefined> {
    if ((await this.#prepare(manifest)) !== undefined) return undefined
    const target = this.#target(manifest)
    if (target === undefined || !this.#canDryRun(target)) return undefined
    try {
      const { object } = await this.#gate.run(() => this.#put(target, live))
      return object
    } catch (error) {
      if (!(error instanceof ApiError) || readRefused(error) === 'transient') throw error
      return undefined
    }
  }

  /**
   * Whether the API server refuses to make the live object into this, as fields of it cannot change while it exists.
   *
   * @throws ApiError as `confirm` does.
   */
  async isFixed(manifest: Manifest, live: KubeObject): Promise<boolean> {
    if ((await this.#prepare(manifest)) !== undefined) return false
    const target = this.#target(manifest)
    if (target === undefined || !this.#canDryRun(target)) return false
    try {
      await this.#gate.run(() => this.#put(target, live))
      return false
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const refused = readRefused(error)
      if (refused === 'transient') throw error
      return refused === 'immutable'
    }
  }

  /** Loads the schema. Returns what is not there yet. */
  async #prepare({ object }: Manifest): Promise<{ pending: string; retryAfterMs?: number } | undefined> {
    const { discovery, shapes } = this.#options
    const group = groupOf(object.apiVersion)
    const declared = discovery.resourceFor(group, object.kind, versionOf(object.apiVersion))
    if (declared === undefined)
      return { pending: `the API server does not serve ${object.kind} of ${object.apiVersion}` }
    if (typeof object.metadata['name'] !== 'string' || object.metadata['name'] === '') {
      return { pending: 'it has no name of its own (generateName)' }
    }
    const compared = this.resourceFor({ object }) ?? declared
    const versions = new Set([declared.version, compared.version])
    const load = () => Promise.all([...versions].map((version) => shapes.load(group, version)))
    await load()
    if (discovery.customKind(group, object.kind) === undefined || this.#isPublished(declared))
      return undefined
    // A new custom kind is served a moment before its schema is published.
    await shapes.refresh()
    await load()
    return this.#isPublished(declared)
      ? undefined
      : { pending: `the schema of ${object.kind} is not published yet`, retryAfterMs: 1_000 }
  }

  #isPublished({ group, version, kind }: ResourceInfo): boolean {
    return this.#options.shapes.canDryRun(group, version, kind)
  }

  #target({ object, ref }: Manifest): Target | undefined {
    const { discovery, shapes } = this.#options
    const declared = discovery.resourceFor(ref.group, object.kind, versionOf(object.apiVersion))
    const compared = this.resourceFor({ object })
    if (declared === undefined || compared === undefined) return undefined
    const { group, version, kind } = compared
    const namespace = ref.namespace === '' ? 'default' : ref.namespace
    const manifest = cleanManifest(object, declared.namespaced ? namespace : '')
    return { declared, compared, shape: shapes.shapeOf(group, version, kind), manifest }
  }

  async #ask(source: Manifest, key: string, stamp: string): Promise<CanonicalResult> {
    const target = this.#target(source)
    if (target === undefined) return { pending: 'its kind went away' }
    const result = await this.#find(target)
    if ('canonical' in result && result.canonical.method !== 'declared') {
      const onDisk = source.object.kind !== 'Secret'
      this.#store.set(key, stamp, result.canonical, { onDisk })
      this.#ephemeral.delete(key)
    } else if (!('pending' in result)) {
      this.#ephemeral.set(key, { stamp, until: Date.now() + EPHEMERAL_MS, result })
    }
    return result
  }

  async #find(target: Target): Promise<CanonicalResult> {
    if (!this.#canDryRun(target)) return this.#declared(target)
    try {
      return { canonical: await this.#probe(target) }
    } catch (error) {
      return this.#without(target, error, () => this.#byRealName(target, error as ApiError))
    }
  }

  /** What a refusal leaves to do. */
  async #without(
    target: Target,
    error: unknown,
    otherwise: () => Promise<CanonicalResult> | CanonicalResult,
  ): Promise<CanonicalResult> {
    if (!(error instanceof ApiError)) throw error
    const refused = readRefused(error)
    if (refused === 'transient') throw error
    if (refused === 'pending') return { pending: error.serverMessage }
    if (refused === 'no-dry-run') return this.#declared(target)
    return otherwise()
  }

  async #probe(target: Target): Promise<Canonical> {
    const { declared, manifest, shape } = target
    const one = await this.#probeOnce(target)
    const place = `${declared.group}/${declared.version}/${declared.kind}/${String(manifest.metadata['namespace'] ?? '')}`
    const { patterns, times } = filledIn(manifest, one.object, { shape, now: Date.now() })
    const plain = this.#plain.get(place)
    if (plain !== undefined && patterns.isSubsetOf(plain))
      return this.#canonical(target, one, { paths: times, items: [] }, 'probe')
    const other = await this.#probeOnce(target)
    const { paths, items } = generatedIn(one.object, other.object, shape)
    if (paths.length + items.length === 0)
      this.#plain.set(place, plain === undefined ? patterns : plain.union(patterns))
    return this.#canonical(target, one, { paths: [...paths, ...times], items }, 'probe')
  }

  async #probeOnce(target: Target): Promise<Stored> {
    const probe = makeProbe(target.manifest)
    const { object, unattainable } = await this.#write(target, probe.object, 'create')
    return { object: probe.restore(object), unattainable }
  }

  /** The name may be what is refused, or what the manifest reserves: a node port, room in a quota. */
  async #byRealName(target: Target, refusal: ApiError): Promise<CanonicalResult> {
    const live = await this.#live(target)
    if (live === 'no-right') return this.#declared(target)
    if (live === undefined) return this.#asNew(target, refusal)
    for (let attempt = 0, current = live; ; attempt++) {
      try {
        const stored = await this.#put(target, current)
        return { canonical: this.#canonical(target, stored, { paths: [], items: [] }, 'dry-run') }
      } catch (error) {
        if (error instanceof ApiError && error.status === 409 && attempt < MOST_RACES) {
          // Somebody writes it all the time: the next moment may be a quiet one.
          await sleep(Math.random() * 2 ** Math.min(attempt, 7))
          const newer = await this.#live(target)
          if (newer === undefined || newer === 'no-right') throw error
          current = newer
          continue
        }
        return this.#without(target, error, () =>
          // Others may be let do what the guard is not, or the object cannot become what the manifest says: compare what it declares.
          readRefused(error as ApiError) === 'invalid'
            ? { invalid: (error as ApiError).serverMessage }
            : this.#declared(target),
        )
      }
    }
  }

  async #asNew(target: Target, refusal: ApiError): Promise<CanonicalResult> {
    if (readRefused(refusal) === 'no-right') return this.#declared(target)
    try {
      const one = await this.#write(target, target.manifest, 'create')
      const other = await this.#write(target, target.manifest, 'create')
      const generated = generatedIn(one.object, other.object, target.shape)
      return { canonical: this.#canonical(target, one, generated, 'probe') }
    } catch (error) {
      return this.#without(target, error, () => ({ invalid: (error as ApiError).serverMessage }))
    }
  }

  async #live({ compared, manifest }: Target): Promise<KubeObject | undefined | 'no-right'> {
    const { namespace, name } = manifest.metadata
    try {
      const answer = await this.#options.api.get(compared, {
        namespace: namespace as string,
        name: name as string,
      })
      return answer.object
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 404) return undefined
      if (error.status === 403) return 'no-right'
      throw error
    }
  }

  #put(target: Target, live: KubeObject): Promise<Stored> {
    const { resourceVersion, uid } = live.metadata
    const metadata = { ...target.manifest.metadata, resourceVersion: resourceVersion!, uid: uid! }
    return this.#write(target, { ...target.manifest, metadata }, 'update')
  }

  /** One dry-run; two where the answer must be brought to another version, as reading it from storage does. */
  async #write(
    { declared, compared }: Target,
    object: KubeObject,
    verb: 'create' | 'update',
  ): Promise<Stored> {
    const { api } = this.#options
    const query = { dryRun: 'All', fieldValidation: 'Warn' }
    const write = (resource: ResourceInfo, body: KubeObject): Promise<Answer> =>
      api[verb](resource, body, { query })
    const first = await write(declared, object)
    const unattainable = first.warnings.flatMap(unknownField)
    if (declared.version === compared.version) return { object: comparable(first.object), unattainable }
    const { resourceVersion } = object.metadata
    const stored = comparable(first.object)
    stored.apiVersion = `${compared.group}/${compared.version}`
    if (resourceVersion !== undefined) stored.metadata['resourceVersion'] = resourceVersion
    const second = await write(compared, stored)
    return { object: comparable(second.object), unattainable }
  }

  #canonical(
    { manifest }: Target,
    stored: Stored,
    { paths, items }: Generated,
    method: Canonical['method'],
  ): Canonical {
    const generated = new Map(
      [...paths, ...serverFilled(stored.object, manifest)].map((path) => [pathKey(path), path]),
    )
    return {
      object: stored.object,
      generated: [...generated.values()],
      ...(items.length === 0 ? {} : { generatedItems: items }),
      unattainable: stored.unattainable,
      method,
    }
  }

  #declared({ compared, manifest }: Target): { canonical: Canonical } {
    const object = declaredForm(manifest)
    object.apiVersion = compared.group === '' ? compared.version : `${compared.group}/${compared.version}`
    return { canonical: { object, generated: [], unattainable: [], method: 'declared' } }
  }

  /** An API server that does not say that it knows dry-runs would do it. */
  #canDryRun({ declared }: Target): boolean {
    return declared.verbs.includes('create') && this.#isPublished(declared)
  }

  #ephemeralResult(key: string, stamp: string): CanonicalResult | undefined {
    const found = this.#ephemeral.get(key)
    if (found === undefined) return undefined
    if (found.stamp === stamp && found.until > Date.now()) return found.result
    this.#ephemeral.delete(key)
    return undefined
  }

  readonly #stamps = new Map<string, string>()

  #stamp({ object: { apiVersion, kind }, ref: { namespace } }: Manifest): string {
    const { discovery, shapes, admission } = this.#options
    const group = groupOf(apiVersion)
    const version = versionOf(apiVersion)
    const resource = discovery.resourceFor(group, kind, version)
    const compared = discovery.comparedVersion(group, kind, version)
    const parts = [
      discovery.serverVersion,
      shapes.schemaHash(group, version),
      compared === version ? '' : shapes.schemaHash(group, compared),
      compared,
      resource === undefined ? '' : (admission?.(resource, namespace) ?? ''),
    ].join('\n')
    let stamp = this.#stamps.get(parts)
    if (stamp === undefined) {
      if (this.#stamps.size > 10_000) this.#stamps.clear()
      this.#stamps.set(parts, (stamp = digest(parts)))
    }
    return stamp
  }
}

function keyOf({ ref, object, hash }: Manifest): string {
  return digest(`${refKey(ref)}\n${object.apiVersion}\n${hash}`)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 20)
}

function unknownField(warning: string): string[] {
  const match = /^unknown field "(.*)"$/.exec(warning)
  return match === null ? [] : [match[1]!]
}
