import type { Clock } from './clock.ts'
import type { ReconcileEvent } from './events.ts'
import type { Decision } from './remedy.ts'
import type { Restorer } from './restorer.ts'
import type { TrackedObjects } from './tracked-objects.ts'
import type { Trouble, Troubles } from './troubles.ts'

export interface SettlementParts {
  restorer: Pick<Restorer, 'tellDrift'>
  tracked: TrackedObjects
  troubles: Troubles
  clock: Clock
  /** Time that a source's agent gets for what may be its own doing, in milliseconds. */
  grace: (source: string) => number
  tell: (event: ReconcileEvent) => void
}

/** Notes and tells what a decision not to repair means. */
export class Settlement {
  readonly #parts: SettlementParts

  constructor(parts: SettlementParts) {
    this.#parts = parts
  }

  settle(key: string, trouble: Trouble, { remedy, reason }: Decision): void {
    const { troubles, restorer, clock, grace, tell } = this.#parts
    const { finding } = trouble
    const tracked = this.#parts.tracked.of(key)
    switch (reason) {
      case 'agent-lags':
        if (remedy === 'alert') {
          tracked.lagging = true
          tell({ event: 'agent-lags', finding })
        }
        tracked.status = 'pending'
        break
      case 'pending':
      case 'agent-suspended':
        tracked.status = 'pending'
        break
      case 'finished':
      case 'comes-and-goes':
        tracked.status = 'inSync'
        troubles.delete(key)
        break
      case 'unrepairable':
        tracked.status = 'unrepairable'
        break
      case 'fight':
        tracked.status = 'fight'
        break
      case 'agent-acts':
      case 'namespace-terminating':
        break
      case 'terminating':
        // An agent that prunes in the foreground leaves it so for a while: only one that stays is worth a word.
        if (clock.now() - finding.seenAt >= grace(finding.source)) restorer.tellDrift(trouble)
        break
      default:
        if (remedy === 'nudge' && !trouble.told) tell({ event: 'nudge', finding })
        restorer.tellDrift(trouble)
    }
  }
}
