/** Where the API server has a resource. */
import type { GroupVersionResource } from '../model/identity.ts'

/** A resource of which at least this is known. */
export interface Resource extends GroupVersionResource {
  kind: string
  namespaced: boolean
}

/** What names an object of a resource, and what below it. */
export interface ObjectPath {
  /** Left out for cluster-scoped resources, whatever is given. */
  namespace?: string | undefined
  name: string
  subresource?: string | undefined
}

export type QueryValue = string | number | boolean | undefined

/** `/apis/apps/v1/namespaces/shop/deployments`; without a namespace those of all. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const { group, version, resource: plural, namespaced } = resource
  const base = group === '' ? `/api/${enc(version)}` : `/apis/${enc(group)}/${enc(version)}`
  const scope =
    namespaced && namespace !== undefined && namespace !== '' ? `/namespaces/${enc(namespace)}` : ''
  return `${base}${scope}/${enc(plural)}`
}

export function objectPath(resource: Resource, { namespace, name, subresource }: ObjectPath): string {
  const path = `${collectionPath(resource, namespace)}/${enc(name)}`
  return subresource === undefined || subresource === '' ? path : `${path}/${subresource}`
}

/** `?a=1&b=2`, or '' where nothing is given. */
export function queryText(query: { readonly [key: string]: QueryValue }): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given.map(([key, value]): [string, string] => [key, String(value)])).toString()}`
}

/** RBAC names hold colons, which a path may hold as they are; dots alone would be a step up. */
function enc(segment: string): string {
  if (segment === '.' || segment === '..' || segment === '') {
    throw new Error(
      `cannot ask for an object as its name must be a path segment: current value is "${segment}"`,
    )
  }
  return encodeURIComponent(segment).replaceAll('%3A', ':')
}
