import { isUnboundAgent } from '../agents.ts'
import { mayNot } from '../reason.ts'
import type { Rule } from '../rule.ts'

/**
 * Where the configuration wants agents' tokens bound to live Pods (`boundTokens`), one that is not was minted or stolen, and
 * opens nothing. It holds no one off who may impersonate: that sets the proof, too.
 */
export const unboundAgent: Rule = (change, policy) =>
  isUnboundAgent(change.actor, policy)
    ? {
        rule: 'agent-identity',
        decision: 'deny',
        everywhere: true,
        reason: `${mayNot(change)}: this token of an agent is not bound to a Pod, as the guard's configuration wants (boundTokens). Use the token that the agent's Pod has.`,
      }
    : undefined
