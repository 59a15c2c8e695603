import type { KubeObject } from '../model/json.ts'

/** What names an object in a request. */
export interface Target {
  apiVersion: string
  kind: string
  /** '' for a cluster-scoped object. */
  namespace: string
  name: string
}

export interface WriteOptions {
  fieldManager: string
  dryRun?: boolean
  signal?: AbortSignal
}

/**
 * Reads and writes objects as raw JSON. Rejects with an error that has the API server's `status` (HTTP), `reason`,
 * `details` and `message` (or `serverMessage`, its own words alone); one without a status is a failure on the way.
 */
export interface Objects {
  /** Undefined where there is none (404). */
  get(target: Target): Promise<KubeObject | undefined>
  /** PUT; the object's resourceVersion is the precondition. */
  put(object: KubeObject, options: WriteOptions): Promise<KubeObject>
  /** POST. */
  create(object: KubeObject, options: WriteOptions): Promise<KubeObject>
  /** Server-side apply. */
  apply(object: KubeObject, options: WriteOptions & { force: boolean }): Promise<KubeObject>
  /** DELETE in the background, of exactly this version. */
  delete(target: Target, preconditions: { uid: string; resourceVersion?: string }): Promise<void>
}

export function targetOf(object: KubeObject): Target {
  const { name, namespace } = object.metadata
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    namespace: typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
  }
}
