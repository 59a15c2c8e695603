import type { BreakGlass, GuardIdentity, Policy } from '../model/policy.ts'
import type { DesiredIndex } from '../policy/snapshot.ts'
import type { Settings } from './settings.ts'

/** What a policy holds besides the configuration and Git. */
export interface PolicyFacts {
  guard: GuardIdentity
  breakGlass?: readonly BreakGlass[]
  sharedControllerIdentity?: boolean
}

/** The policy that follows from a configuration and what Git declares. */
export function policyOf(
  { config, agents, allowances }: Settings,
  index: DesiredIndex,
  facts: PolicyFacts,
): Policy {
  const { guard, breakGlass = [], sharedControllerIdentity = false } = facts
  const { mode, connect, children, modes } = config
  return {
    ...index,
    mode,
    connect,
    children,
    modes,
    guard,
    agents,
    allowances,
    sharedControllerIdentity,
    breakGlass,
    boundTokens: config.boundTokens,
    maxBreakGlass: config.breakGlass.maxDuration,
  }
}
