/** Reads the answers of aggregated discovery (APIGroupDiscoveryList, apidiscovery.k8s.io/v2). */
import type { ResourceInfo } from '../model/identity.ts'
import type { Json } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'

/** Resources in the server's order, so that of a kind's versions the preferred one comes first. */
export function readDiscovery(lists: readonly Json[]): { resources: ResourceInfo[]; stale: string[] } {
  const resources: ResourceInfo[] = []
  const stale: string[] = []
  for (const item of lists.flatMap((list) => listOf(list, 'items'))) {
    const group = textOf(fieldOf(item, 'metadata'), 'name')
    for (const entry of listOf(item, 'versions')) {
      const version = textOf(entry, 'version')
      if (textOf(entry, 'freshness') === 'Stale') stale.push(`${group}/${version}`)
      for (const resource of listOf(entry, 'resources')) {
        const info = readResource(group, version, resource)
        if (info !== undefined) resources.push(info)
      }
    }
  }
  return { resources, stale }
}

function readResource(group: string, version: string, resource: Json): ResourceInfo | undefined {
  const kind = textOf(fieldOf(resource, 'responseKind'), 'kind')
  const plural = textOf(resource, 'resource')
  if (kind === '' || plural === '') return undefined
  return {
    group,
    version,
    resource: plural,
    kind,
    namespaced: textOf(resource, 'scope') === 'Namespaced',
    verbs: listOf(resource, 'verbs').map(String),
    subresources: listOf(resource, 'subresources').map((one) => textOf(one, 'subresource')),
  }
}

function listOf(value: Json | undefined, key: string): Json[] {
  const list = fieldOf(value, key)
  return Array.isArray(list) ? list : []
}

function textOf(value: Json | undefined, key: string): string {
  const text = fieldOf(value, key)
  return typeof text === 'string' ? text : ''
}
