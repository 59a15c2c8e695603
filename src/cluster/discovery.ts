/** Which resources the API server serves, kept in step with its CRDs and APIServices. */
import { createHash } from 'node:crypto'
import type { ResourceInfo } from '../model/identity.ts'
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import type { ClusterApi } from './api.ts'
import { readCustomKind } from './custom-kind.ts'
import type { CustomKind } from './custom-kind.ts'
import { readDiscovery } from './read-discovery.ts'
import { Reflector } from './reflector.ts'

export interface DiscoveryOptions {
  api: Pick<ClusterApi, 'raw' | 'list' | 'stream' | 'connection'>
  /** Quiet time after a change of CRDs or APIServices before it is read, in milliseconds. Default 200. */
  debounceMs?: number
  onError?: (error: unknown) => void
}

const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const API_SERVICES = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  resource: 'apiservices',
  kind: 'APIService',
  namespaced: false,
}

/**
 * Aggregated discovery wants two requests for everything; a server before v1.27, which lacks it, is not supported. Both media types are
 * named: an API server that is being upgraded may know the older one only.
 */
const ACCEPT =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList'

/**
 * A new CRD is served a moment after it says Established, and an aggregated API server is asked anew at intervals: after a
 * change discovery is read again until these milliseconds are over.
 */
const AGAIN_MS = [0, 500, 2_000, 10_000, 60_000]

/** What is served, by group, kind, version and resource. Empty until the first `refresh`. */
export class Discovery {
  readonly #options: DiscoveryOptions
  /** `group/Kind`: its versions, the preferred one first. */
  #kinds = new Map<string, ResourceInfo[]>()
  /** `group/resource`: the same lists. */
  #plurals = new Map<string, ResourceInfo[]>()
  readonly #customs = new Map<string, CustomKind>()
  #version = ''
  #emulated: string | undefined
  /** Of all that was read last. */
  #hash = ''
  #under: Promise<boolean> | undefined
  /** Groups whose API server does not answer: what they serve is not known, and kept as it was. */
  #stale: string[] = []

  constructor(options: DiscoveryOptions) {
    this.#options = options
  }

  /** `v1.36.3`; '' before the first refresh. */
  get serverVersion(): string {
    return this.#version
  }

  /** `1.33`, where the API server emulates an older version than its own; undefined where not. */
  get emulatedVersion(): string | undefined {
    return this.#emulated
  }

  /** `group/version`s whose API server does not answer. */
  get stale(): readonly string[] {
    return this.#stale
  }

  /** The resource of a kind at a version, or at the preferred one; undefined where it is not served. */
  resourceFor(group: string, kind: string, version?: string): ResourceInfo | undefined {
    const versions = this.#kinds.get(`${group}/${kind}`) ?? []
    return version === undefined ? versions[0] : versions.find((info) => info.version === version)
  }

  /** The kind of a resource (`deployments` → `Deployment`). */
  kindOf(group: string, resource: string): string | undefined {
    return this.#plurals.get(`${group}/${resource}`)?.[0]?.kind
  }

  /** Undefined where the kind is not served. */
  namespaced(group: string, kind: string): boolean | undefined {
    return this.#kinds.get(`${group}/${kind}`)?.[0]?.namespaced
  }

  /** Versions of a kind, the preferred one first. */
  versionsOf(group: string, kind: string): readonly string[] {
    return (this.#kinds.get(`${group}/${kind}`) ?? []).map(({ version }) => version)
  }

  /** `apps/v1` and `apps/v1/Deployment` of all that is served, in order. */
  served(): string[] {
    const infos = [...this.#kinds.values()].flat()
    const versions = infos.map(({ group, version }) => (group === '' ? version : `${group}/${version}`))
    return [
      ...new Set(versions.flatMap((version, index) => [version, `${version}/${infos[index]!.kind}`])),
    ].sort()
  }

  /** Every kind once, at its preferred version. */
  resources(): ResourceInfo[] {
    return [...this.#kinds.values()].map((versions) => versions[0]!)
  }

  /**
   * The version at which a kind that is declared at `version` is compared: this one, except for custom kinds that are stored
   * at another version and not converted, where a field that this version lacks is invisible in it. Known while {@link watch} runs
   * or after {@link readCustomKinds}.
   */
  comparedVersion(group: string, kind: string, version: string): string {
    const custom = this.#customs.get(`${group}/${kind}`)
    if (custom === undefined || custom.converted || !custom.versions.includes(version)) return version
    return custom.versions.includes(custom.storage) ? custom.storage : version
  }

  /** What a CRD says of a kind; undefined for built-in kinds. Known as in {@link comparedVersion}. */
  customKind(group: string, kind: string): CustomKind | undefined {
    return this.#customs.get(`${group}/${kind}`)
  }

  /** Reads all CRDs once, for those who do not {@link watch}. */
  async readCustomKinds(): Promise<void> {
    const { object } = await this.#options.api.list(CRDS)
    for (const crd of object.items) this.#custom('added', crd as KubeObject)
    this.#customsKnown.resolve()
  }

  /** Reads discovery; those who ask while it is under way share the next one. Resolves with whether anything changed. */
  refresh(): Promise<boolean> {
    this.#under ??= this.#refresh().finally(() => {
      this.#under = undefined
    })
    return this.#under
  }

  /**
   * Follows CRDs and APIServices; calls back after discovery or a published schema changed; `changed` has the custom kinds
   * (`group/Kind`) whose definition did. For one change it may call twice: schemas are published later. Returns what ends it.
   */
  watch(onChange: (changed: ReadonlySet<string>) => void): () => Promise<void> {
    const changed = new Set<string>()
    let timers: NodeJS.Timeout[] = []
    const stop = () => {
      for (const timer of timers) clearTimeout(timer)
      timers = []
    }
    const look = async () => {
      try {
        const differs = await this.refresh()
        if (!differs && changed.size === 0) return
        const kinds = new Set(changed)
        changed.clear()
        onChange(kinds)
      } catch (error) {
        this.#options.onError?.(error)
      }
    }
    const soon = () => {
      stop()
      const { debounceMs = 200 } = this.#options
      timers = AGAIN_MS.map((ms) => setTimeout(() => void look(), debounceMs + ms))
      for (const timer of timers) timer.unref()
    }
    const { api } = this.#options
    const reflectors = [
      new Reflector({
        api,
        resource: CRDS,
        onEvent: (type, object) => {
          const kind = this.#custom(type, object)
          if (kind === undefined) return
          changed.add(kind)
          soon()
        },
        onSynced: () => this.#customsKnown.resolve(),
        // Without the right to read CRDs nothing is known of them.
        onState: ({ lastError }) => {
          if (lastError !== undefined) this.#customsKnown.resolve()
        },
      }),
      new Reflector({
        api,
        resource: API_SERVICES,
        onEvent: (type, object) => {
          if (this.#available(type, object)) soon()
        },
      }),
    ]
    for (const reflector of reflectors) reflector.start()
    return async () => {
      stop()
      await Promise.all(reflectors.map((reflector) => reflector.stop()))
    }
  }

  /** Resolves when {@link watch} has seen every CRD, or may not: ask for canonical forms after that. */
  synced(): Promise<void> {
    return this.#customsKnown.promise
  }

  readonly #customsKnown = Promise.withResolvers<void>()
  readonly #availability = new Map<string, string>()

  /** Whether an APIService came, went, or began or ceased to answer. */
  #available(type: string, object: KubeObject): boolean {
    const name = String(object.metadata['name'])
    const before = this.#availability.get(name)
    if (type === 'deleted') return this.#availability.delete(name)
    const conditions = fieldOf(object['status'], 'conditions')
    const text = JSON.stringify([
      object['spec'],
      Array.isArray(conditions) ? conditions.map((one) => fieldOf(one, 'status') ?? null) : [],
    ])
    this.#availability.set(name, text)
    return before !== text
  }

  /** Notes what a CRD says; returns its kind where that is new. */
  #custom(type: string, crd: KubeObject): string | undefined {
    const custom = readCustomKind(crd)
    if (custom === undefined) return undefined
    const key = `${custom.group}/${custom.kind}`
    const before = this.#customs.get(key)
    if (type === 'deleted') {
      this.#customs.delete(key)
      return key
    }
    this.#customs.set(key, custom)
    return before?.signature === custom.signature ? undefined : key
  }

  async #refresh(): Promise<boolean> {
    const { api } = this.#options
    const [core, groups, version, schemas] = await Promise.all([
      api.raw('/api', { accept: ACCEPT }),
      api.raw('/apis', { accept: ACCEPT }),
      api.raw('/version'),
      // Its URLs hold hashes: a schema is published a moment after its kind, or its change.
      api.raw('/openapi/v3').then(
        ({ object }) => object,
        () => null,
      ),
    ])
    const gitVersion = fieldOf(version.object, 'gitVersion')
    const { resources, stale } = readDiscovery([core.object, groups.object])
    const known = this.#keepStale(resources, stale)
    const hash = createHash('sha256')
      .update(JSON.stringify([known, gitVersion as Json, schemas]))
      .digest('hex')
    this.#stale = stale
    this.#version = typeof gitVersion === 'string' ? gitVersion : ''
    this.#emulated = emulatedIn(version.object)
    if (hash === this.#hash) return false
    this.#hash = hash
    this.#kinds = Map.groupBy(known, ({ group, kind }) => `${group}/${kind}`)
    this.#plurals = Map.groupBy(known, ({ group, resource }) => `${group}/${resource}`)
    return true
  }

  /** What an API server that does not answer served before. */
  #keepStale(resources: ResourceInfo[], stale: readonly string[]): ResourceInfo[] {
    const kept = [...this.#kinds.values()]
      .flat()
      .filter(({ group, version }) => stale.includes(`${group}/${version}`))
      .filter((old) =>
        resources.every(
          ({ group, version, resource }) =>
            group !== old.group || version !== old.version || resource !== old.resource,
        ),
      )
    return [...resources, ...kept]
  }
}

/** Of what `/version` says: from 1.34 on it names the version that is emulated, also where that is its own. */
function emulatedIn(said: Json): string | undefined {
  const emulated = `${String(fieldOf(said, 'emulationMajor'))}.${String(fieldOf(said, 'emulationMinor'))}`
  const own = `${String(fieldOf(said, 'major'))}.${String(fieldOf(said, 'minor'))}`
  return /^\d+\.\d+$/.test(emulated) && emulated !== own ? emulated : undefined
}
