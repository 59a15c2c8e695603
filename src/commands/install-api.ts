import { ApiError } from '../cluster/api-error.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { Resource } from '../cluster/api-path.ts'
import type { KubeObject } from '../model/json.ts'

/** What installing and uninstalling ask of an API server. */
export type InstallApi = Pick<ClusterApi, 'raw' | 'get' | 'list' | 'create' | 'apply' | 'delete'>

/** Where an object is: its resource as this cluster serves it, and its name. */
export interface Place {
  resource: Resource
  at: { namespace: string; name: string }
}

/** Where an object's kind is served, as far as discovery was read. */
export type Served = Pick<Discovery, 'resourceFor' | 'resources'>

/** Undefined where its kind is not served. */
export function placeOf(served: Served, { apiVersion, kind, metadata }: KubeObject): Place | undefined {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  const resource = served.resourceFor(group ?? '', kind, version)
  const { namespace, name } = metadata
  return (
    resource && {
      resource,
      at: { namespace: typeof namespace === 'string' ? namespace : '', name: String(name) },
    }
  )
}

/** The object as it is now; undefined where it is not there. */
export async function read(api: InstallApi, { resource, at }: Place): Promise<KubeObject | undefined> {
  try {
    return (await api.get(resource, at)).object
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

/** As people and kubectl name it: `Deployment gitops-guard/gitops-guard`. */
export function nameOf({ kind, metadata }: KubeObject): string {
  const namespace = typeof metadata.namespace === 'string' ? `${metadata.namespace}/` : ''
  return `${kind} ${namespace}${String(metadata.name)}`
}
