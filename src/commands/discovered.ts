import type { KubeObject } from '../model/json.ts'
import { agentObjectKey, whatMatters } from '../cluster/agent-objects.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { ApiError } from '../cluster/api-error.ts'
import { NAMED_RESOURCES } from '../cluster/named-objects.ts'
import { discover } from '../discover/discover.ts'
import type { AgentKind, DiscoveryProblem, ValueReference } from '../discover/discovered.ts'
import { AGENT_KINDS, factsOf } from '../guard/discoverer.ts'
import { discoveredSettings, withDiscovered } from '../guard/discovered-settings.ts'
import type { Settings, SourceSettings } from '../guard/settings.ts'

/** The settings with what the agents' objects in the cluster come to now, and what cannot be followed. */
export async function discoverOnce(
  settings: Settings,
  { api, discovery }: { api: ClusterApi; discovery: Discovery },
): Promise<{ settings: Settings; problems: readonly DiscoveryProblem[] }> {
  const kinds = Object.keys(AGENT_KINDS) as AgentKind[]
  const lists = await Promise.all(kinds.map(async (kind) => [kind, await listed(api, kind)] as const))
  const objects = new Map(lists)
  const values = new Map<string, KubeObject | undefined>()
  const named = { get: (one: ValueReference) => values.get(keyOf(one)) }
  const facts = factsOf((kind) => objects.get(kind) ?? [], named, discovery)
  const { wants } = discover(facts, settings.config.discover)
  for (const one of wants) values.set(keyOf(one), await valueOf(api, one))
  const { sources, problems } = discover(facts, settings.config.discover)
  const found: SourceSettings[] = []
  const said = [...problems]
  for (const source of sources) {
    try {
      found.push(discoveredSettings(source, settings))
    } catch (error) {
      said.push({ source: source.name, message: error instanceof Error ? error.message : String(error) })
    }
  }
  return { settings: withDiscovered(settings, found), problems: said }
}

async function listed(api: ClusterApi, kind: AgentKind): Promise<KubeObject[]> {
  const { group, version } = AGENT_KINDS[kind]
  return await orNothing(async () => {
    const { object } = await api.list(AGENT_KINDS[kind])
    const apiVersion = `${group}/${version}`
    const items = object.items.map((item) => whatMatters({ ...(item as KubeObject), apiVersion, kind }))
    return items.toSorted((a, b) => (agentObjectKey(a) < agentObjectKey(b) ? -1 : 1))
  }, [])
}

async function valueOf(api: ClusterApi, { kind, namespace, name }: ValueReference) {
  return await orNothing(
    async () => (await api.get(NAMED_RESOURCES[kind], { namespace, name })).object,
    undefined,
  )
}

/** Kinds that are not served, and objects that are not there. */
async function orNothing<T>(ask: () => Promise<T>, none: T): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return none
    throw error
  }
}

function keyOf({ kind, namespace, name }: ValueReference): string {
  return `${kind}/${namespace}/${name}`
}
