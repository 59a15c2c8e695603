import type { Actor } from '../model/actor.ts'
import { isUnboundAgent } from '../policy/agents.ts'
import { isExemptUser } from '../policy/exempt.ts'
import type { Core } from './core.ts'

/**
 * What is answered to a review that cannot be judged: open for the agent and the system, closed for people; as the
 * webhook's conditions would have it.
 */
export function whenBlind(
  actor: Actor,
  core: Pick<Core, 'policy' | 'settings'> | undefined,
): 'allow' | 'deny' {
  if (core === undefined) return 'deny'
  if (isUnboundAgent(actor, core.policy)) return 'deny'
  if (isExemptUser(actor.username, core.policy)) return 'allow'
  const { config, sources } = core.settings
  const enforces = config.mode === 'enforce' || sources.some(({ policy }) => policy.mode === 'enforce')
  return enforces ? 'deny' : 'allow'
}
