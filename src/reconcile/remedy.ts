import type { Heal } from '../model/policy.ts'
import type { Remedy } from '../model/violation.ts'

/**
 * What is done about a difference between Git and the cluster.
 *
 * Nothing is repaired on a revision that may be stale. What a person demonstrably did is taken back at once: there is
 * an authenticated record of the write, or a field manager that no agent uses owns everything that differs. In every
 * other case Git is asked first whether it moved, because the agent often fetches a commit before the guard does.
 */
export interface Facts {
  drift: 'modified' | 'missing' | 'undeclared'
  heal: Heal
  /** Milliseconds since the epoch. */
  now: number
  /** When this difference was first seen, in milliseconds since the epoch. */
  since: number
  /** How long the agent gets for what may be its own doing, in milliseconds. */
  graceMs: number
  /** Until when a break-glass permission lets the difference stand. */
  breakGlassUntil?: number
  /**
   * Who made the difference: `person` and `agent` from an authenticated record, `other-manager` where managedFields
   * give all of it to a manager that no agent uses; `unknown` otherwise (the agent's manager, something that is gone).
   */
  writer: Writer
  /** What asking who is ahead said; absent while nobody asked since the difference was seen. */
  standing?: Standing
  /** Live is what Git said before: the agent has not brought the newest commit yet. */
  pending?: { since: number; suspended: boolean; told: boolean; ours: boolean }
  namespaceTerminating?: boolean
  /** The object has a deletionTimestamp: no write can bring it back before it is gone. */
  terminating?: boolean
  /** It was a Job that had finished, with a TTL. */
  finished?: boolean
  /** Helm's and Argo CD's hooks, and objects whose name the server makes: never missing. */
  comesAndGoes?: boolean
  /** Why the API server refused this very repair before. */
  refused?: string
  /** The source lets the guard delete and create what cannot be changed. */
  recreate?: boolean
  /** It comes back at once, again and again: no repair before this time. */
  heldUntil?: number
  /** Undeclared objects: it belongs to another object, or is none of Git's business. */
  exempt?: boolean
  /** The agent is asked to reconcile instead of being overwritten. */
  nudge?: boolean
}

export type Writer = 'person' | 'other-manager' | 'agent' | 'unknown'

/**
 * `level`: Git and the guard hold the same commit. `agent-ahead`: Git cannot be asked, and the agent reports a commit
 * that the guard does not know. `unknown`: neither Git nor the agent could be asked.
 */
export type Standing = 'level' | 'agent-ahead' | 'unknown'

export interface Decision {
  remedy: Remedy
  reason: Reason
  /** Look again after this many milliseconds even if nothing happens. */
  recheckAfterMs?: number
  /** Ask who is ahead, then decide again. */
  ask?: boolean
}

export type Reason =
  | 'break-glass'
  | 'terminating'
  | 'namespace-terminating'
  | 'finished'
  | 'comes-and-goes'
  | 'exempt'
  | 'pending'
  | 'agent-lags'
  | 'agent-suspended'
  | 'ask'
  | 'agent-ahead'
  | 'agent-acts'
  | 'git-unreachable'
  | 'alert-only'
  | 'unrepairable'
  | 'fight'
  | 'nudge'
  | 'person'
  | 'git-is-level'
  | 'last-good-revision'

/** Decides what is done about a difference. */
export function decideRemedy(facts: Facts): Decision {
  return (
    lettingBe(facts) ??
    pending(facts) ??
    alerting(facts) ??
    staleness(facts) ??
    holding(facts) ??
    repairing(facts)
  )
}

/** Nothing is wrong, or nothing can be done now. */
function lettingBe(facts: Facts): Decision | undefined {
  const { now, breakGlassUntil } = facts
  if (facts.exempt) return { remedy: 'none', reason: 'exempt' }
  if (facts.drift === 'missing' && facts.comesAndGoes) return { remedy: 'none', reason: 'comes-and-goes' }
  if (facts.drift === 'missing' && facts.finished) return { remedy: 'none', reason: 'finished' }
  if (breakGlassUntil !== undefined && breakGlassUntil > now) {
    return { remedy: 'none', reason: 'break-glass', recheckAfterMs: breakGlassUntil - now }
  }
  if (facts.namespaceTerminating) {
    return { remedy: 'wait', reason: 'namespace-terminating', recheckAfterMs: 5_000 }
  }
  if (facts.terminating) return { remedy: 'wait', reason: 'terminating', recheckAfterMs: 5_000 }
  return undefined
}

function pending(facts: Facts): Decision | undefined {
  if (facts.pending === undefined) return undefined
  const { since, suspended, told, ours } = facts.pending
  if (suspended) return { remedy: 'none', reason: 'agent-suspended' }
  const left = since + facts.graceMs - facts.now
  if (left > 0) return { remedy: 'wait', reason: 'pending', recheckAfterMs: left }
  // The guard itself put the older commit back, after the agent had brought the newer one: the agent will not come again.
  if (ours && facts.heal === 'revert') return undefined
  return { remedy: told ? 'none' : 'alert', reason: 'agent-lags' }
}

function alerting(facts: Facts): Decision | undefined {
  if (facts.heal === 'revert') return undefined
  // An alert on a stale revision is as wrong as a repair.
  return staleness(facts) ?? { remedy: 'alert', reason: 'alert-only' }
}

/** Undefined where the revision at hand may be acted on. */
function staleness(facts: Facts): Decision | undefined {
  const { now, since, graceMs, standing, writer } = facts
  const left = since + graceMs - now
  if (writer === 'person' || writer === 'other-manager') return undefined
  if (facts.drift === 'missing' && writer === 'agent' && left > 0) {
    return { remedy: 'wait', reason: 'agent-acts', recheckAfterMs: left }
  }
  if (standing === undefined) return { remedy: 'wait', reason: 'ask', ask: true }
  if (standing === 'level') return undefined
  if (left <= 0 && standing === 'unknown') return undefined
  return {
    remedy: 'wait',
    reason: standing === 'agent-ahead' ? 'agent-ahead' : 'git-unreachable',
    recheckAfterMs: Math.max(left, 1_000),
    ask: true,
  }
}

function holding(facts: Facts): Decision | undefined {
  if (facts.refused !== undefined && !(facts.recreate && facts.drift === 'modified')) {
    return { remedy: 'none', reason: 'unrepairable' }
  }
  if (facts.heldUntil !== undefined && facts.heldUntil > facts.now) {
    return { remedy: 'wait', reason: 'fight', recheckAfterMs: facts.heldUntil - facts.now }
  }
  return undefined
}

function repairing(facts: Facts): Decision {
  if (facts.nudge) return { remedy: 'nudge', reason: 'nudge' }
  if (facts.standing === 'unknown') return { remedy: 'repair', reason: 'last-good-revision' }
  const person = facts.writer === 'person' || facts.writer === 'other-manager'
  return { remedy: 'repair', reason: person ? 'person' : 'git-is-level' }
}
