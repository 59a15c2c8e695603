import { ApiError } from '../cluster/api-error.ts'
import type { Resource } from '../cluster/api-path.ts'
import type { KubeObject } from '../model/json.ts'
import type { InstallApi, Place } from './install-api.ts'

interface ResourceList {
  resources?: { name: string; kind: string; namespaced: boolean; verbs?: string[] }[]
}

/** A kind as the API server serves it, with what may be done with it. */
export type ServedKind = Resource & { verbs: readonly string[] }

/** Where kinds are served, asked once for each group and version. */
export class ServedKinds {
  readonly #api: Pick<InstallApi, 'raw'>
  readonly #asked = new Map<string, Promise<ServedKind[]>>()

  constructor(api: Pick<InstallApi, 'raw'>) {
    this.#api = api
  }

  /** Undefined where the kind is not served: then the next question asks again, for a CRD may come in between. */
  async find({ apiVersion, kind }: { apiVersion: string; kind: string }): Promise<ServedKind | undefined> {
    const found = (await this.of(apiVersion)).find((served) => served.kind === kind)
    if (found === undefined) this.#asked.delete(apiVersion)
    return found
  }

  /** Of a Kubernetes object. Undefined where its kind is not served. */
  async place(object: KubeObject): Promise<Place | undefined> {
    const { namespace = '', name } = object.metadata as { namespace?: string; name: string }
    const resource = await this.find(object)
    return resource && { resource, at: { namespace, name } }
  }

  /** Every kind of every group, at the version that the API server prefers. */
  async all(): Promise<ServedKind[]> {
    const { object } = await this.#api.raw<{ groups: { preferredVersion: { groupVersion: string } }[] }>(
      '/apis',
    )
    const versions = object.groups.map(({ preferredVersion }) => preferredVersion.groupVersion)
    return (await Promise.all(['v1', ...versions].map((version) => this.of(version)))).flat()
  }

  /** None where the group or version is not served. */
  of(apiVersion: string): Promise<ServedKind[]> {
    let kinds = this.#asked.get(apiVersion)
    if (kinds === undefined) this.#asked.set(apiVersion, (kinds = this.#ask(apiVersion)))
    return kinds
  }

  async #ask(apiVersion: string): Promise<ServedKind[]> {
    const [group, version] = apiVersion.includes('/')
      ? (apiVersion.split('/') as [string, string])
      : ['', apiVersion]
    try {
      const path = group === '' ? `/api/${version}` : `/apis/${apiVersion}`
      const { object } = await this.#api.raw<ResourceList>(path)
      return (object.resources ?? [])
        .filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced, verbs = [] }) => ({
          group,
          version,
          resource: name,
          kind,
          namespaced,
          verbs,
        }))
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return []
      // An aggregated API whose server is down hides its own kinds, not all others.
      if (error instanceof ApiError && error.status === 503) return []
      throw error
    }
  }
}
