import type { AgentConfig, AllowConfig, GuardConfig, SourceConfig } from '../config/types.ts'
import type { Agent, Allowance, GuardIdentity, SourcePolicy } from '../model/policy.ts'
import type { DiscoveredSource } from '../discover/discovered.ts'
import { parseGitUrl } from '../git/git-url.ts'
import { agentPreset } from '../policy/presets/agents.ts'
import { guardManager } from '../reconcile/agent-writer.ts'
import { operatorPreset } from '../policy/presets/operators.ts'
import type { SourceInput } from './sources.ts'

/** One source: how it is read, and what it asks for. */
export interface SourceSettings {
  input: SourceInput
  policy: SourcePolicy
  namespace?: string
  /** How the guard brings it in itself; absent: others do. */
  sync?: SyncSettings
  /** Where it was found, if nobody wrote it down. */
  discovered?: DiscoveredSource
}

/** How the guard brings a source in. */
export interface SyncSettings {
  /** The most objects that one commit may delete. */
  pruneMax?: number
  /** Milliseconds that an object may take until it works, before people are told. */
  readyMs: number
  /** Field managers under which the source's own agents brought it in before. */
  managers: readonly string[]
}

/** The configuration with its presets resolved. */
export interface Settings {
  config: GuardConfig
  agents: readonly Agent[]
  allowances: readonly Allowance[]
  sources: readonly SourceSettings[]
}

/** The guard's own name for its objects in the cluster. */
export const GUARD_NAME = 'gitops-guard'

export function guardIdentity(username: string, namespace: string): GuardIdentity {
  return { username, namespace, name: GUARD_NAME }
}

/** Resolves presets and gives each source what it takes from above it. */
export function settingsOf(config: GuardConfig): Settings {
  const agents = [...config.agents, ...impliedAgents(config)].map(agentOf)
  const sources = config.sources.map((source) => sourceSettings(source, agents))
  return { config, agents, sources, allowances: config.allow.flatMap(allowancesOf) }
}

/** Who is asked for sources brings them in. */
function impliedAgents({ agents, discover }: GuardConfig): AgentConfig[] {
  return (['flux', 'argocd'] as const)
    .filter((preset) => discover[preset] !== undefined)
    .filter((preset) => !agents.some((agent) => 'preset' in agent && agent.preset === preset))
    .map((preset) => ({ preset }))
}

function sourceSettings(source: SourceConfig, agents: readonly Agent[]): SourceSettings {
  const { name, ref, path, renderer, namespace, helm, verify, repository, auth, poll } = source
  const { sync } = source
  // Where the guard is the agent, no other is by default.
  const own = source.agents?.map(agentOf) ?? []
  const [kind, value] = Object.entries(ref)[0] as [string, string]
  return {
    input: {
      spec: { name, ref, path, renderer, namespace, helm, verify },
      url: repository,
      auth,
      poll,
    },
    policy: {
      name,
      repository: parseGitUrl(repository).display,
      ref: `${kind} ${value}`,
      mode: source.mode,
      heal: source.heal,
      undeclared: source.undeclared,
      agents: sync ? [GUARD_AGENT, ...own] : (source.agents?.map(agentOf) ?? agents),
      recreate: source.recreate,
    },
    ...(namespace === undefined ? {} : { namespace }),
    ...(sync ? { sync: syncSettings(source, own) } : {}),
  }
}

/** The guard itself: it needs no trust but its own, so that it has no users. */
const GUARD_AGENT: Agent = { name: GUARD_NAME, users: [], managers: [guardManager] }

function syncSettings({ prune, readyWithin }: SourceConfig, agents: readonly Agent[]): SyncSettings {
  return {
    ...(prune === undefined ? {} : { pruneMax: prune.max }),
    readyMs: readyWithin,
    managers: agents.flatMap(({ managers }) => managers ?? []),
  }
}

function agentOf(agent: AgentConfig): Agent {
  if ('user' in agent) {
    return {
      name: agent.user,
      users: [agent.user],
      ...(agent.managers === undefined ? {} : { managers: agent.managers }),
    }
  }
  const preset = agentPreset(agent.preset)
  if (preset === undefined) throw new Error(`there is no agent preset ${agent.preset}`)
  const { name, users, managers } = preset
  return { name, users, ...(managers === undefined ? {} : { managers }) }
}

function allowancesOf(allow: AllowConfig): readonly Allowance[] {
  if ('preset' in allow) {
    const preset = operatorPreset(allow.preset)
    if (preset === undefined) throw new Error(`there is no allowance preset ${allow.preset}`)
    return preset.allowances
  }
  const { name, reason, actors, objects, fields, ops } = allow
  return [
    {
      name,
      reason: reason ?? `the configuration allows ${name}`,
      users: actors.users,
      ...(actors.groups === undefined ? {} : { groups: actors.groups }),
      objects,
      fields,
      ...(ops === undefined ? {} : { ops }),
    },
  ]
}
