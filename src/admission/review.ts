import type { Change } from '../model/change.ts'
import type { Decision, Verdict } from '../model/verdict.ts'

/** What a review is answered from. Everything is in memory: nothing here calls Git or the cluster. */
export interface Reviewer {
  judge(change: Change): Verdict
  /** False until Git's state was loaded, and again when it is too old to judge by. */
  ready(): boolean
  /**
   * What to answer when there is no judging: not ready, a kind that is not known yet, an error in a rule. Deny for people; allow for those whom the webhook's conditions would have let past.
   */
  whenBlind(change: Change): Decision
  /** An error in a rule, or in what is done with a verdict. */
  onError(error: Error, change: Change): void
}

/** Rules of verdicts that nobody judged: told apart in metrics, and no violation of the one who asked. */
export const BLIND_RULES = ['guard-not-ready', 'guard-failed', 'kind-unknown'] as const
export type BlindRule = (typeof BLIND_RULES)[number]

/** Judges a change, or says why it cannot. Never throws. */
export function review(change: Change, reviewer: Reviewer): Verdict {
  try {
    if (!reviewer.ready()) return blind(change, reviewer, 'guard-not-ready')
    if (change.ref.kind === '') return blind(change, reviewer, 'kind-unknown')
    return reviewer.judge(change)
  } catch (error) {
    reviewer.onError(error instanceof Error ? error : new Error(String(error)), change)
    return blind(change, reviewer, 'guard-failed')
  }
}

/** The verdict on a change that could not be judged. */
export function blind(change: Change, reviewer: Reviewer, rule: BlindRule): Verdict {
  return {
    decision: blindDecision(change, reviewer),
    rule,
    reason: `GitOps Guard ${REASONS[rule]}, so it refuses what it cannot judge. Nothing is wrong with your request as such: try again in a moment; if it stays, ask whoever runs GitOps Guard.`,
    changes: [],
    enforced: 'deny',
  }
}

function blindDecision(change: Change, reviewer: Reviewer): Decision {
  try {
    return reviewer.whenBlind(change)
  } catch (error) {
    reviewer.onError(error instanceof Error ? error : new Error(String(error)), change)
    return 'deny'
  }
}

const REASONS: Record<BlindRule, string> = {
  'guard-not-ready': 'has not read the current state of Git yet',
  'guard-failed': 'failed to judge this change (its log has the error under this id)',
  'kind-unknown': 'does not know the kind of this resource yet',
}
