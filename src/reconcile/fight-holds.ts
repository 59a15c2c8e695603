import type { Policy } from '../model/policy.ts'
import type { ReconcileEvent } from './events.ts'
import { Fights } from './fights.ts'
import { refOfKey } from './keys.ts'
import { relapseOf, type Trouble } from './troubles.ts'

/** Holds repairs back where something comes back at once, again and again, and tells when that begins and ends. */
export class FightHolds {
  readonly #fights = new Fights()
  readonly #policy: () => Policy
  readonly #tell: (event: ReconcileEvent) => void

  constructor(parts: { policy: () => Policy; tell: (event: ReconcileEvent) => void }) {
    this.#policy = parts.policy
    this.#tell = parts.tell
  }

  /** Fights that go on. */
  get count(): number {
    return this.#fights.count
  }

  /** No repair of this before that time, in milliseconds since the epoch; undefined where nothing holds it back. */
  until(key: string, trouble: Trouble, now: number): number | undefined {
    const fight = this.#fights.before(key, relapseOf(trouble, now))
    if (fight?.began) {
      const { finding } = trouble
      const writers: [string, string] = [this.#policy().guard.username, fight.writer]
      this.#tell({ event: 'fight', finding, writers, rounds: fight.rounds, resumesAt: fight.until })
    }
    return fight?.until
  }

  /** It was repaired. */
  repaired(key: string, trouble: Trouble, now: number): void {
    this.#fights.repaired(key, relapseOf(trouble, now))
  }

  /** Tells which have ended. */
  tellEnded(now: number): void {
    for (const key of this.#fights.ended(now)) {
      const ref = refOfKey(key)
      const source = this.#policy().declared(ref)?.source.name
      if (source !== undefined) this.#tell({ event: 'fight-ended', ref, source })
    }
  }

  forget(key: string): void {
    this.#fights.forget(key)
  }
}
