import type { KubeObject } from '../model/json.ts'
import type { Allowance, Declared, Policy } from '../model/policy.ts'
import { bookkeepingOf } from '../drift/bookkeeping.ts'
import { stampAllowances } from '../policy/stamps.ts'
import { watcherAllowances } from '../policy/watcher-allowances.ts'

/**
 * What may differ on a live object that Git declares: what the configuration and system controllers' jobs allow, the cluster's own
 * bookkeeping, and the marks of the source's agents.
 */
export function allowancesOf(policy: Policy, declared: Declared, live: KubeObject): Allowance[] {
  return [
    ...watcherAllowances(policy, declared),
    ...bookkeepingOf(declared.manifest.object, live),
    ...stampAllowances(declared.source.agents),
  ]
}
