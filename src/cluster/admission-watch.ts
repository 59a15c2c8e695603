/** Follows what changes objects on their way into storage, so that what was learned about it is forgotten in time. */
import { createHash } from 'node:crypto'
import type { ResourceInfo } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import { stableStringify } from '../object/json.ts'
import type { ClusterApi } from './api.ts'
import type { Discovery } from './discovery.ts'
import { admissionKinds, readMutator } from './mutators.ts'
import type { Mutator } from './mutators.ts'
import { Reflector } from './reflector.ts'

/** Whether objects of a resource in a namespace ('' for cluster-scoped ones) may be stored otherwise than before. */
export type Affects = (resource: ResourceInfo, namespace: string) => boolean

export interface AdmissionWatchOptions {
  api: Pick<ClusterApi, 'list' | 'stream'>
  discovery: Pick<Discovery, 'resourceFor'>
  /**
   * Something changed that changes what is stored of the objects that `affects` selects. Not called for what was there at the start; called
   * again when the change has settled.
   */
  onChange: (affects: Affects) => void
  /** A webhook or policy that changes objects came or was changed; `affects` selects which. Told once. */
  onMutator?: (object: KubeObject, affects: Affects) => void
  onError?: (error: Error) => void
}

interface Known extends Mutator {
  digest: string
  /** Every API server knows it by now. */
  settled: boolean
}

/** An API server learns of a change after the watch told of it, and policies are compiled at intervals: what is asked before is asked again. */
const SETTLE_MS = 3_000

/**
 * Mutating webhooks and policies, LimitRanges and the defaults that built-in admission fills in. What only validates is not followed: it does
 * not change what is stored.
 */
export class AdmissionWatch {
  readonly #options: AdmissionWatchOptions
  readonly #reflectors: Reflector[] = []
  readonly #known = new Map<string, Known>()
  readonly #fingerprints = new Map<string, string>()
  readonly #settling = new Map<string, NodeJS.Timeout>()

  constructor(options: AdmissionWatchOptions) {
    this.#options = options
  }

  /** Resolves when all is known, or it is known that some may not be seen. Discovery must have been read. */
  async start(): Promise<void> {
    const { discovery } = this.#options
    const resources = admissionKinds.flatMap(({ group, kind }) => discovery.resourceFor(group, kind) ?? [])
    await Promise.all(resources.map((resource) => this.#follow(resource)))
  }

  /** Differs when something differs that may change such an object on its way into storage. */
  fingerprint(resource: ResourceInfo, namespace: string): string {
    const key = `${resource.group}/${resource.version}/${resource.resource}/${namespace}`
    let text = this.#fingerprints.get(key)
    if (text === undefined) {
      const mutators = [...this.#known.values()].filter((mutator) => mutator.applies(resource, namespace))
      const digests = mutators.map(({ digest, settled }) => (settled ? digest : `${digest}~`))
      // Labels decide which namespaces a webhook or policy is for.
      const labels = this.#known.get(namespaceKey(namespace))
      if (labels !== undefined && mutators.some(({ selects }) => selects)) digests.push(labels.digest)
      text = digests.toSorted().join(' ')
      this.#fingerprints.set(key, text)
    }
    return text
  }

  async stop(): Promise<void> {
    for (const timer of this.#settling.values()) clearTimeout(timer)
    this.#settling.clear()
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
  }

  #follow(resource: ResourceInfo): Promise<void> {
    return new Promise((resolve) => {
      let ready = false
      const isReady = () => {
        ready = true
        resolve()
      }
      const seen = new Set<string>()
      const prefix = `${resource.group}/${resource.kind}/`
      const reflector = new Reflector({
        api: this.#options.api,
        resource,
        onListing: () => seen.clear(),
        onEvent: (type, object) => {
          const key = `${prefix}${String(object.metadata['namespace'] ?? '')}/${String(object.metadata['name'])}`
          seen.add(key)
          const affects = this.#note(key, type === 'deleted' ? undefined : object, ready)
          if (affects === undefined || !ready) return
          if (type !== 'deleted' && resource.kind.startsWith('Mutating'))
            this.#options.onMutator?.(object, affects)
          this.#options.onChange(affects)
        },
        onSynced: () => {
          const gone = [...this.#known.keys()].filter((key) => key.startsWith(prefix) && !seen.has(key))
          for (const key of gone) {
            const affects = this.#note(key, undefined, ready)
            if (affects !== undefined) this.#options.onChange(affects)
          }
          isReady()
        },
        onState: ({ lastError }) => {
          if (lastError === undefined) return
          this.#options.onError?.(lastError)
          isReady()
        },
      })
      this.#reflectors.push(reflector)
      reflector.start()
    })
  }

  /** What is affected by it; undefined where nothing is. */
  #note(key: string, object: KubeObject | undefined, ready: boolean): Affects | undefined {
    const before = this.#known.get(key)
    const mutator = object === undefined ? undefined : readMutator(object)
    const digest = mutator === undefined ? GONE : digestOf([key, mutator.content])
    if ((before?.digest ?? GONE) === digest) return undefined
    const now = mutator ?? before!
    this.#known.set(key, { ...now, digest, settled: !ready })
    this.#fingerprints.clear()
    // A new namespace has nothing in it of which anything was learned, and labels only matter to what selects by them.
    const matters = !isNamespace(key) || (before !== undefined && this.#hasSelectors())
    const affects: Affects = isNamespace(key)
      ? (_, namespace) => namespaceKey(namespace) === key
      : (resource, namespace) =>
          now.applies(resource, namespace) || before?.applies(resource, namespace) === true
    if (ready && matters) this.#settle(key, affects)
    else if (digest === GONE) this.#known.delete(key)
    return matters ? affects : undefined
  }

  #hasSelectors(): boolean {
    return [...this.#known.values()].some(({ selects }) => selects)
  }

  #settle(key: string, affects: Affects): void {
    clearTimeout(this.#settling.get(key))
    const settled = () => {
      this.#settling.delete(key)
      const known = this.#known.get(key)
      if (known === undefined) return
      if (known.digest === GONE) this.#known.delete(key)
      else known.settled = true
      this.#fingerprints.clear()
      this.#options.onChange(affects)
    }
    this.#settling.set(key, setTimeout(settled, SETTLE_MS).unref())
  }
}

/** Of what was there a moment ago. */
const GONE = 'gone'

function isNamespace(key: string): boolean {
  return key.startsWith(namespaceKey(''))
}

function namespaceKey(name: string): string {
  return `/Namespace//${name}`
}

function digestOf(value: unknown[]): string {
  return createHash('sha256')
    .update(stableStringify(value as never))
    .digest('base64url')
    .slice(0, 12)
}
