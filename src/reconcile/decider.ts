import type { Declared } from '../model/policy.ts'
import type { Ahead } from './ahead.ts'
import type { DecisionFacts } from './decision-facts.ts'
import type { Again } from './queue.ts'
import type { Question } from './question.ts'
import { decideRemedy, type Decision } from './remedy.ts'
import type { Settlement } from './settlement.ts'
import type { Treatment } from './treatment.ts'

export interface DeciderParts {
  facts: DecisionFacts
  ahead: Ahead
  treatment: Treatment
  settlement: Settlement
}

/** Decides about a difference: asks first who is ahead where that must be known, then has it repaired or settled. */
export class Decider {
  readonly #parts: DeciderParts

  constructor(parts: DeciderParts) {
    this.#parts = parts
  }

  async decide(key: string, declared: Declared, question: Question): Promise<Again | undefined> {
    const { treatment, settlement } = this.#parts
    const { trouble } = question
    const { finding } = trouble
    const decision = this.#decision(key, declared, question)
    finding.remedy = decision.remedy
    finding.reason = decision.reason
    // What is there shows what changed since Git was asked; what is gone does not: such an answer serves one decision.
    if (finding.drift === 'missing' && !decision.ask) trouble.answer = undefined
    if (decision.ask) {
      if (trouble.answer === undefined) return this.#ask(declared.source.name, question)
      trouble.answer = undefined
    } else if (decision.remedy === 'repair') {
      return treatment.repair(key, declared, question)
    } else {
      settlement.settle(key, trouble, decision)
    }
    return decision.recheckAfterMs === undefined ? undefined : { afterMs: decision.recheckAfterMs }
  }

  /** Whether the agent is done with this commit says if live lags or was set back: ask before calling it pending. */
  #decision(key: string, declared: Declared, question: Question): Decision {
    const { pending, trouble, moment } = question
    return pending && trouble.answer === undefined && moment.bringing === undefined
      ? { remedy: 'wait', reason: 'pending', ask: true }
      : decideRemedy(this.#parts.facts.of(key, declared, question))
  }

  #ask(source: string, { trouble, moment }: Question): Again {
    const since = Math.max(trouble.finding.seenAt, moment.trueAt)
    const when = this.#parts.ahead.ask(source, since).then((answer) => {
      if (answer.standing !== 'moved') trouble.answer = answer
    })
    return { when, keep: true }
  }
}
