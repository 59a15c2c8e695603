import type { Policy } from '../model/policy.ts'
import { allAgents, isAgentUser } from './agents.ts'
import { isSystemUser } from './actors.ts'
import { nodeGroup, nodePrefix, systemControllers, controllerManager } from './system-controllers.ts'

/** Who goes past the webhook, as data for its matchConditions. Exact names only: 100 of them cost nothing measurable. */
export interface Exempt {
  /** Everywhere: the guard, the default agents, the control plane's own users. */
  users: readonly string[]
  /** Usernames that begin so, in the group beside: kubelets. */
  prefixes: readonly { prefix: string; group: string }[]
  /** Agents limited to some sources: only in these namespaces, and never for cluster-scoped objects. */
  limited: readonly { users: readonly string[]; namespaces: readonly string[] }[]
}

/**
 * The identities whose writes need no review. `namespaces` are those that sources own. Agents whose names hold a `*` are
 * judged like everybody, as are limited ones in namespaces that other sources share.
 */
export function exemptIdentities(policy: Policy, namespaces: Iterable<string>): Exempt {
  const exact = (users: readonly string[]) => users.filter((user) => !user.includes('*'))
  const everywhere = new Set([
    policy.guard.username,
    controllerManager,
    ...exact(systemControllers.flatMap(({ users }) => users)),
  ])
  // A default agent is exempt everywhere only where every source lets it in.
  const defaults = exact(policy.agents.flatMap(({ users }) => users))
  for (const user of defaults) {
    const trusted = policy.sources.every(({ agents }) => agents.some(({ users }) => users.includes(user)))
    if (trusted) everywhere.add(user)
  }
  const all = [...namespaces]
  const limited = []
  for (const user of new Set(exact(allAgents(policy).flatMap(({ users }) => users)))) {
    if (everywhere.has(user)) continue
    const own = all.filter((namespace) => {
      const sources = policy.sourcesOf(namespace)
      return (
        sources.length > 0 && sources.every(({ agents }) => agents.some(({ users }) => users.includes(user)))
      )
    })
    if (own.length > 0) limited.push({ users: [user], namespaces: own })
  }
  return { users: [...everywhere].toSorted(), prefixes: [{ prefix: nodePrefix, group: nodeGroup }], limited }
}

/**
 * Whether a username is one that the guard trusts without asking: nobody may hand it out. Agents, the guard, the control
 * plane and its controllers, nodes.
 */
export function isExemptUser(username: string, policy: Policy): boolean {
  return username === policy.guard.username || isSystemUser(username) || isAgentUser(username, policy)
}
