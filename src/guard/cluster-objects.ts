import type { KubeObject } from '../model/json.ts'
import type { ResourceInfo } from '../model/identity.ts'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { groupOf, versionOf } from '../object/identity.ts'
import type { Objects, Target, WriteOptions } from '../reconcile/objects.ts'

/** Reads and writes objects of any kind by the API server's discovery. */
export class ClusterObjects implements Objects {
  readonly #api: ClusterApi
  readonly #discovery: Discovery

  constructor(api: ClusterApi, discovery: Discovery) {
    this.#api = api
    this.#discovery = discovery
  }

  async get(target: Target): Promise<KubeObject | undefined> {
    const resource = this.#served(target)
    if (resource === undefined) return undefined
    try {
      return (await this.#api.get(resource, target)).object
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  async put(object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    return (await this.#api.update(this.#resource(object), object, requestOf(options))).object
  }

  async create(object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    return (await this.#api.create(this.#resource(object), object, requestOf(options))).object
  }

  async apply(object: KubeObject, options: WriteOptions & { force: boolean }): Promise<KubeObject> {
    const request = { ...requestOf(options), force: options.force }
    return (await this.#api.apply(this.#resource(object), object, request)).object
  }

  async delete(target: Target, preconditions: { uid: string; resourceVersion?: string }): Promise<void> {
    await this.#api.delete(this.#resource(target), target, { preconditions })
  }

  #served({ apiVersion, kind }: { apiVersion: string; kind: string }): ResourceInfo | undefined {
    return this.#discovery.resourceFor(groupOf(apiVersion), kind, versionOf(apiVersion))
  }

  /** What is not served is answered as the API server would: its CRD may come. */
  #resource(named: { apiVersion: string; kind: string }): ResourceInfo {
    const resource = this.#served(named)
    if (resource !== undefined) return resource
    const text = `the API server does not serve ${named.kind} of ${named.apiVersion}`
    throw new ApiError(text, { status: 404, reason: 'NotFound', serverMessage: text })
  }
}

function requestOf({ fieldManager, dryRun, signal }: WriteOptions) {
  return {
    query: { fieldManager, ...(dryRun === true ? { dryRun: 'All' } : {}) },
    ...(signal === undefined ? {} : { signal }),
  }
}
