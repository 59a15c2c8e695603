import type { Manifest } from '../model/desired.ts'
import type { Declared, Policy } from '../model/policy.ts'
import type { Arrival } from './arrival.ts'
import type { Clock } from './clock.ts'
import type { ReconcileEvent } from './events.ts'
import type { FightHolds } from './fight-holds.ts'
import type { Again } from './queue.ts'
import type { Question } from './question.ts'
import type { Outcome, Restorer } from './restorer.ts'
import type { TerminatingNamespaces } from './terminating-namespaces.ts'
import type { TrackedObjects } from './tracked-objects.ts'
import type { Trouble } from './troubles.ts'

export interface TreatmentParts {
  policy: () => Policy
  restorer: Restorer
  arrival: Arrival
  holds: FightHolds
  terminating: TerminatingNamespaces
  tracked: TrackedObjects
  clock: Clock
  tell: (event: ReconcileEvent) => void
  /** Something that was missing is there again: what waited for it can go on. */
  onCreated: (manifest: Manifest) => void
}

/** Has a repair made that was decided on, and notes what became of it. */
export class Treatment {
  readonly #parts: TreatmentParts

  constructor(parts: TreatmentParts) {
    this.#parts = parts
  }

  async repair(key: string, declared: Declared, question: Question): Promise<Again | undefined> {
    const { terminating, clock } = this.#parts
    const { trouble } = question
    const outcome = await this.#carryOut(key, declared, question)
    const { again, restored, refused, namespaceTerminating } = outcome
    if (namespaceTerminating) terminating.refused(trouble.finding.ref.namespace, clock.now())
    if (refused !== undefined) {
      const anew = refused.immutable && declared.source.recreate && trouble.finding.drift === 'modified'
      if (anew) return { when: Promise.resolve() }
      this.#isRefused(key, trouble, refused)
    }
    return restored === undefined ? again : this.#isRestored(key, declared, trouble, restored)
  }

  #carryOut(key: string, declared: Declared, { trouble, repair }: Question): Promise<Outcome> {
    const { restorer, policy } = this.#parts
    const one = { key, declared, trouble }
    switch (repair?.by) {
      case 'creating':
        return restorer.create(one)
      case 'putting-back':
        return restorer.putBack(policy(), one, repair.base, repair.live)
      case undefined:
        return Promise.resolve({})
    }
  }

  #isRefused(key: string, { finding }: Trouble, refused: NonNullable<Outcome['refused']>): void {
    this.#parts.tracked.of(key).status = 'unrepairable'
    finding.remedy = 'none'
    finding.reason = 'unrepairable'
    this.#parts.tell({ event: 'unrepairable', finding, ...refused })
  }

  #isRestored(
    key: string,
    declared: Declared,
    trouble: Trouble,
    restored: NonNullable<Outcome['restored']>,
  ): Promise<Again | undefined> {
    const { holds, clock, arrival, onCreated } = this.#parts
    const now = clock.now()
    holds.repaired(key, trouble, now)
    holds.tellEnded(now)
    if (trouble.finding.drift === 'missing') onCreated(restored.manifest)
    return arrival.restored(key, declared, trouble, restored)
  }
}
