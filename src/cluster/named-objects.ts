/** Follows single ConfigMaps and Secrets by name: one watch each, and nothing asked while they stay as they are. */
import type { KubeObject } from '../model/json.ts'
import type { ClusterApi } from './api.ts'
import { ApiError } from './api-error.ts'
import type { Resource } from './api-path.ts'
import { Reflector } from './reflector.ts'

export interface NamedObject {
  kind: 'ConfigMap' | 'Secret'
  namespace: string
  name: string
}

interface Followed {
  reflector: Reflector
  object: KubeObject | undefined
  known: boolean
}

export const NAMED_RESOURCES: { readonly [kind in NamedObject['kind']]: Resource } = {
  ConfigMap: { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true },
  Secret: { group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true },
}

export class NamedObjects {
  readonly #api: Pick<ClusterApi, 'list' | 'stream'>
  readonly #onChange: () => void
  readonly #followed = new Map<string, Followed>()

  constructor(api: Pick<ClusterApi, 'list' | 'stream'>, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
  }

  /** These are followed from now on, and no others. */
  sync(wanted: readonly NamedObject[]): void {
    const keys = new Map(wanted.map((one) => [keyOf(one), one]))
    for (const [key, { reflector }] of this.#followed) {
      if (keys.has(key)) continue
      this.#followed.delete(key)
      void reflector.stop()
    }
    for (const [key, one] of keys) if (!this.#followed.has(key)) this.#followed.set(key, this.#follow(one))
  }

  /** What each holds is known, or cannot be known for now: one that may not be read is as good as absent. */
  get known(): boolean {
    return [...this.#followed.values()].every(({ known }) => known)
  }

  /** Undefined where it does not exist. */
  get(one: NamedObject): KubeObject | undefined {
    return this.#followed.get(keyOf(one))?.object
  }

  async stop(): Promise<void> {
    const all = [...this.#followed.values()]
    this.#followed.clear()
    await Promise.all(all.map(({ reflector }) => reflector.stop()))
  }

  #follow({ kind, namespace, name }: NamedObject): Followed {
    let seen = false
    const changed = () => {
      followed.known = true
      this.#onChange()
    }
    const reflector = new Reflector({
      api: this.#api,
      resource: NAMED_RESOURCES[kind],
      namespace,
      fieldSelector: `metadata.name=${name}`,
      onListing: () => (seen = false),
      onEvent: (type, object) => {
        seen = true
        followed.object = type === 'deleted' ? undefined : object
        if (followed.known) changed()
      },
      onSynced: () => {
        if (!seen) followed.object = undefined
        changed()
      },
      onState: ({ phase, lastError }) => {
        const refused = phase === 'waiting' && lastError instanceof ApiError && lastError.status === 403
        if (refused && !followed.known) changed()
      },
    })
    const followed: Followed = { reflector, object: undefined, known: false }
    reflector.start()
    return followed
  }
}

function keyOf({ kind, namespace, name }: NamedObject): string {
  return `${kind}/${namespace}/${name}`
}
