import type { Allowance, Declared, Policy } from '../model/policy.ts'
import { bookkeepingOf } from '../drift/bookkeeping.ts'
import { stampAllowances } from '../policy/stamps.ts'
import { watcherAllowances } from '../policy/watcher-allowances.ts'

/**
 * What may differ on a declared object: what the configuration and system controllers' jobs allow, the cluster's own
 * bookkeeping, and the marks of the source's agents.
 */
export function allowancesOf(policy: Policy, declared: Declared): Allowance[] {
  return [
    ...watcherAllowances(policy, declared),
    ...bookkeepingOf(declared.manifest.object),
    ...stampAllowances(declared.source.agents),
  ]
}
