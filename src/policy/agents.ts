import type { Actor } from '../model/actor.ts'
import type { Agent, Policy, SourcePolicy } from '../model/policy.ts'
import { matchUsers } from '../object/match-users.ts'
import { serviceAccount } from './actors.ts'

const compiled = new WeakMap<readonly Agent[], (username: string) => boolean>()

function among(agents: readonly Agent[], username: string): boolean {
  let match = compiled.get(agents)
  if (match === undefined) compiled.set(agents, (match = matchUsers(agents.flatMap(({ users }) => users))))
  return match(username)
}

/** Whether an actor is an agent by default: of every source that names no agents of its own. */
export function isDefaultAgent(actor: Actor, policy: Policy): boolean {
  return actor.authenticated && among(policy.agents, actor.username)
}

/** Whether an actor may bring this source in. */
export function isAgentOf(actor: Actor, source: SourcePolicy): boolean {
  return actor.authenticated && among(source.agents, actor.username)
}

/** Whether an actor is an agent at all: by default, or of some source. */
export function isAgent(actor: Actor, policy: Policy): boolean {
  return isDefaultAgent(actor, policy) || policy.sources.some((source) => isAgentOf(actor, source))
}

/** Every agent that the configuration names, each once. */
export function allAgents(policy: Policy): readonly Agent[] {
  return [...new Set([...policy.agents, ...policy.sources.flatMap(({ agents }) => agents)])]
}

/** The configuration wants agents' tokens bound to live Pods, and this one of an agent's service account is not. */
export function isUnboundAgent({ username, extra }: Actor, policy: Policy): boolean {
  if (policy.boundTokens !== true || serviceAccount(username) === undefined) return false
  if (username === policy.guard.username || !isAgentUser(username, policy)) return false
  return extra === undefined || !Object.hasOwn(extra, 'authentication.kubernetes.io/pod-uid')
}

export function isAgentUser(username: string, policy: Policy): boolean {
  return among(policy.agents, username) || policy.sources.some(({ agents }) => among(agents, username))
}
