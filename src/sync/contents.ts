import type { ResourceInfo } from '../model/identity.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { formatRef } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'

/** What is still in a Namespace, or of a kind. */
export interface Contents {
  /** Some of what is there, for people; empty: nothing. */
  found: readonly string[]
  /** Kinds that the guard may not list. */
  unseen: readonly string[]
}

interface Kinds {
  resources(): ResourceInfo[]
  resourceFor(group: string, kind: string): ResourceInfo | undefined
}

const METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

/** So many are named. */
const MOST = 5

/** Comes and goes by itself with what is there. */
const passing = new Set([
  '/Event',
  'events.k8s.io/Event',
  'coordination.k8s.io/Lease',
  '/Endpoints',
  'discovery.k8s.io/EndpointSlice',
  'metrics.k8s.io/PodMetrics',
])

/** Looks into a Namespace; what the cluster itself puts there and what goes with its owner does not count. */
export async function contentsOfNamespace(
  api: Pick<ClusterApi, 'list'>,
  kinds: Kinds,
  name: string,
): Promise<Contents> {
  const found: string[] = []
  const unseen: string[] = []
  for (const resource of kinds.resources()) {
    const { group, kind, namespaced, verbs } = resource
    if (!namespaced || !verbs.includes('list') || passing.has(`${group}/${kind}`)) continue
    const counts = (metadata: JsonObject) =>
      !isOwned(metadata) && !isGiven(group, kind, String(metadata['name']))
    const objects = await listed(api, resource, counts, name)
    if (objects === undefined) unseen.push(group === '' ? kind : `${kind}.${group}`)
    found.push(...(objects ?? []))
    if (found.length >= MOST) break
  }
  return { found: found.slice(0, MOST), unseen }
}

/** Looks for objects of the kind that a CustomResourceDefinition defines. */
export async function contentsOfDefinition(
  api: Pick<ClusterApi, 'list'>,
  kinds: Kinds,
  definition: KubeObject,
): Promise<Contents> {
  const group = String(fieldOf(definition['spec'], 'group'))
  const kind = String(fieldOf(fieldOf(definition['spec'], 'names'), 'kind'))
  const resource = kinds.resourceFor(group, kind)
  if (resource === undefined) return { found: [], unseen: [] }
  const found = await listed(api, resource, () => true)
  return found === undefined ? { found: [], unseen: [`${kind}.${group}`] } : { found, unseen: [] }
}

/** Those that count, a few of them; undefined where the guard has no right to look. */
async function listed(
  api: Pick<ClusterApi, 'list'>,
  resource: ResourceInfo,
  counts: (metadata: JsonObject) => boolean,
  namespace?: string,
): Promise<string[] | undefined> {
  const { group, kind } = resource
  const found: string[] = []
  let next = ''
  try {
    do {
      const query = { limit: 200, continue: next }
      const { object } = await api.list(resource, namespace, { accept: METADATA, query })
      // An empty list of metadata has null for its items.
      for (const { metadata } of (object.items ?? []) as KubeObject[]) {
        if (!counts(metadata)) continue
        const [space, name] = [metadata['namespace'] ?? '', metadata['name'] ?? '']
        found.push(formatRef({ group, kind, namespace: String(space), name: String(name) }))
      }
      next = String(object.metadata['continue'] ?? '')
    } while (next !== '' && found.length < MOST)
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined
    // A kind that is served no more, or only to some clients.
    if (error instanceof ApiError && (error.status === 404 || error.status === 405)) return []
    throw error
  }
  return found.slice(0, MOST)
}

/** The cluster makes these in every namespace. */
function isGiven(group: string, kind: string, name: string): boolean {
  if (group !== '') return false
  return (
    (kind === 'ConfigMap' && name === 'kube-root-ca.crt') || (kind === 'ServiceAccount' && name === 'default')
  )
}

function isOwned(metadata: JsonObject): boolean {
  const owners = metadata['ownerReferences']
  return Array.isArray(owners) && owners.length > 0
}
