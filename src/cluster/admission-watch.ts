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

export interface AdmissionWatchOptions {
  api: Pick<ClusterApi, 'list' | 'stream'>
  discovery: Pick<Discovery, 'resourceFor'>
  /** Something changed that changes what is stored. Not called for what was there at the start. */
  onChange: () => void
  onError?: (error: Error) => void
}

interface Known extends Mutator {
  digest: string
}

/**
 * Mutating webhooks and policies, LimitRanges and the defaults that built-in admission fills in. What only validates is not followed: it does
 * not change what is stored.
 */
export class AdmissionWatch {
  readonly #options: AdmissionWatchOptions
  readonly #reflectors: Reflector[] = []
  readonly #known = new Map<string, Known>()
  readonly #fingerprints = new Map<string, string>()

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
      const digests = [...this.#known.values()]
        .filter((mutator) => mutator.applies(resource, namespace))
        .map(({ digest }) => digest)
      text = digests.toSorted().join(' ')
      this.#fingerprints.set(key, text)
    }
    return text
  }

  async stop(): Promise<void> {
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
          if (this.#note(key, type === 'deleted' ? undefined : object) && ready) this.#options.onChange()
        },
        onSynced: () => {
          const gone = [...this.#known.keys()].filter((key) => key.startsWith(prefix) && !seen.has(key))
          for (const key of gone) this.#note(key, undefined)
          if (gone.length > 0) this.#options.onChange()
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

  /** Whether anything changed by it. */
  #note(key: string, object: KubeObject | undefined): boolean {
    const before = this.#known.get(key)
    const mutator = object === undefined ? undefined : readMutator(object)
    const digest = mutator === undefined ? undefined : digestOf([key, mutator.content])
    if (before?.digest === digest) return false
    if (mutator === undefined || digest === undefined) this.#known.delete(key)
    else this.#known.set(key, { ...mutator, digest })
    this.#fingerprints.clear()
    return true
  }
}

function digestOf(value: unknown[]): string {
  return createHash('sha256')
    .update(stableStringify(value as never))
    .digest('base64url')
    .slice(0, 12)
}
