import type { Policy } from '../../model/policy.ts'
import { isPerson, isSystem, serviceAccount } from '../actors.ts'
import { allAgents } from '../agents.ts'
import { mayNot, who } from '../reason.ts'
import type { Rule } from '../rule.ts'
import { formatRef } from '../../object/identity.ts'
import { exception } from '../reason.ts'

/**
 * Running a command in a Pod, attaching to it, and ports and proxies to Pods, Services and nodes change what runs and
 * leave no trace in any object. The configuration allows, warns of or denies them in guarded namespaces, and through a
 * node where anything is guarded at all; people who do it are told of. A command in a Pod of an agent's namespace could
 * read the agent's token, so it is denied whatever the configuration says: an exception for the namespace opens it.
 */
export const connect: Rule = (change, policy) => {
  if (change.operation !== 'CONNECT' || isSystem(change.actor, policy)) return undefined
  const { namespace } = change.ref
  const command = change.subresource === 'exec' || change.subresource === 'attach'
  const agents = command && agentNamespaces(policy).has(namespace)
  const guarded = namespace === '' ? policy.sources.length > 0 : policy.sourcesOf(namespace).length > 0
  if (!agents && !guarded) return undefined
  const decision = agents ? 'deny' : policy.connect
  const what = `${change.subresource || 'connect'} to ${formatRef(change.ref)}`
  if (decision === 'allow') {
    return {
      rule: 'connect',
      decision,
      reason: `${who(change)}: ${what}`,
      notable: isPerson(change.actor, policy),
    }
  }
  const why = agents
    ? `Pods of namespace ${namespace} hold the token of an agent`
    : 'what is done there shows in no commit'
  return {
    rule: 'connect',
    decision,
    reason: `${mayNot(change)}: ${why}.${exception({ ...change.ref, kind: 'Pod', group: '' }, policy)}`,
    notable: true,
    ...(agents ? { everywhere: true } : {}),
  }
}

const namespaces = new WeakMap<Policy, ReadonlySet<string>>()

/** Namespaces where agents run. Not kube-system: what else runs there is not for the guard to close. */
export function agentNamespaces(policy: Policy): ReadonlySet<string> {
  let found = namespaces.get(policy)
  if (found === undefined) {
    const users = allAgents(policy).flatMap((agent) => agent.users)
    const accounts = users.flatMap((user) => serviceAccount(user)?.namespace ?? [])
    found = new Set(accounts.filter((namespace) => namespace !== 'kube-system' && !namespace.includes('*')))
    namespaces.set(policy, found)
  }
  return found
}
