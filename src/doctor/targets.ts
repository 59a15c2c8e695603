import type { Policy } from '../model/policy.ts'
import { matchesPattern } from '../object/selectors.ts'
import { serviceAccount } from '../policy/actors.ts'
import { allAgents } from '../policy/agents.ts'
import { systemControllers } from '../policy/system-controllers.ts'
import type { Rbac } from './facts.ts'

/** Service accounts that the guard lets pass, by namespace: whoever gets one of them needs no way around. */
export interface Targets {
  /** Of agents, of the guard, of the control plane's controllers. */
  namespaces: ReadonlySet<string>
  /** Of agents and the guard only. */
  own: ReadonlySet<string>
  guard: string
  policy: Policy
  /** Groups of declared kinds that are no part of Kubernetes. */
  customGroups: ReadonlySet<string>
  isAccount(namespace: string, name: string): boolean
  /** Token Secrets of such accounts. */
  tokenSecrets: Rbac['tokenSecrets']
}

export function targetsOf(facts: {
  policy: Policy
  customGroups: readonly string[]
  tokenSecrets: Rbac['tokenSecrets']
}): Targets {
  const { policy, customGroups, tokenSecrets } = facts
  const own = [policy.guard.username, ...allAgents(policy).flatMap(({ users }) => users)]
  const controllers = systemControllers.flatMap(({ users }) => users)
  const accounts = (users: readonly string[]) => users.flatMap((user) => serviceAccount(user) ?? [])
  const all = accounts([...own, ...controllers])
  const isAccount = (namespace: string, name: string) =>
    all.some((account) => matchesPattern(account.namespace, namespace) && matchesPattern(account.name, name))
  return {
    namespaces: new Set(all.map(({ namespace }) => namespace)),
    own: new Set([...accounts(own).map(({ namespace }) => namespace), policy.guard.namespace]),
    guard: policy.guard.namespace,
    policy,
    customGroups: new Set(customGroups),
    isAccount,
    tokenSecrets: tokenSecrets.filter(({ namespace, account }) => isAccount(namespace, account)),
  }
}
