import { isRecord, whyRefused, type InstallApi } from './install-api.ts'

/** A kind as the API server serves it. */
export interface ServedKind {
  resource: string
  namespaced: boolean
}

/** Where kinds are served, asked once for each group and version. */
export class ServedKinds {
  readonly #api: InstallApi
  readonly #asked = new Map<string, Promise<Map<string, ServedKind>>>()

  constructor(api: InstallApi) {
    this.#api = api
  }

  /** Undefined where the kind is not served. Throws when the API server cannot tell. */
  async find(apiVersion: string, kind: string): Promise<ServedKind | undefined> {
    let kinds = this.#asked.get(apiVersion)
    if (kinds === undefined) this.#asked.set(apiVersion, (kinds = this.#ask(apiVersion)))
    const found = (await kinds).get(kind)
    // A CRD may be applied in between: what is not there is asked again.
    if (found === undefined) this.#asked.delete(apiVersion)
    return found
  }

  /** Path of an object, or of its collection without a name. Undefined where its kind is not served. */
  async path(
    object: { apiVersion: string; kind: string },
    place: { namespace?: string; name?: string },
  ): Promise<string | undefined> {
    const served = await this.find(object.apiVersion, object.kind)
    if (served === undefined) return undefined
    const namespace =
      served.namespaced && place.namespace ? `/namespaces/${encodeURIComponent(place.namespace)}` : ''
    const name = place.name === undefined ? '' : `/${encodeURIComponent(place.name)}`
    return `${root(object.apiVersion)}${namespace}/${served.resource}${name}`
  }

  async #ask(apiVersion: string): Promise<Map<string, ServedKind>> {
    const answer = await this.#api.send('GET', root(apiVersion))
    if (answer.status === 404) return new Map()
    if (answer.status !== 200)
      throw new Error(`cannot ask which kinds ${apiVersion} has: ${whyRefused(answer)}`)
    const resources =
      isRecord(answer.body) && Array.isArray(answer.body.resources) ? answer.body.resources : []
    const kinds = new Map<string, ServedKind>()
    for (const item of resources as unknown[]) {
      if (!isRecord(item) || typeof item.kind !== 'string' || typeof item.name !== 'string') continue
      if (!item.name.includes('/'))
        kinds.set(item.kind, { resource: item.name, namespaced: item.namespaced === true })
    }
    return kinds
  }
}

function root(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}
