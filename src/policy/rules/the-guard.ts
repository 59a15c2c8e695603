import type { Rule } from '../rule.ts'

/**
 * The guard may write everything that RBAC lets it: it only ever writes what Git says, and its own objects. Its
 * identity is kept as an agent's is (rules `guard-self` and `agent-identity`).
 */
export const guard: Rule = ({ actor }, { guard }) =>
  actor.authenticated && actor.username === guard.username
    ? { rule: 'guard', decision: 'allow', reason: 'the guard itself' }
    : undefined
