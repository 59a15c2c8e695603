import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'

/** An object's identity as one string; none of its parts can hold a slash. */
export function keyOf({ group, kind, namespace, name }: ObjectRef): string {
  return `${group}/${kind}/${namespace}/${name}`
}

export function refOfKey(key: string): ObjectRef {
  const [group = '', kind = '', namespace = '', name = ''] = key.split('/')
  return { group, kind, namespace, name }
}

export function refOf(object: KubeObject): ObjectRef {
  const { apiVersion, kind, metadata } = object
  const slash = apiVersion.indexOf('/')
  const { namespace, name } = metadata
  return {
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    kind,
    namespace: typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
  }
}
