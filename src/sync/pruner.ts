import type { ObjectRef } from '../model/identity.ts'
import { refKey } from '../object/identity.ts'
import type { Clock } from '../reconcile/clock.ts'
import type { Applier } from './applier.ts'
import type { Contents } from './contents.ts'
import type { SyncEvent, SyncTrouble } from './events.ts'
import type { InventoryEntry } from './inventory.ts'
import { pauseAfter } from './pause.ts'
import { planPrune } from './prune-plan.ts'
import type { PruneFacts } from './prune-plan.ts'
import { whyOf } from './why.ts'

export interface PrunerOptions {
  source: string
  applier: Pick<Applier, 'remove'>
  clock: Clock
  /** What is in a Namespace, or of the kind of a definition. */
  contents(entry: InventoryEntry): Promise<Contents>
  tell(event: SyncEvent): void
}

/** What became of a look at what Git dropped. */
export interface Pruned {
  /** What the inventory need not hold any more, by key. */
  gone: readonly string[]
  /** How many are still there. */
  left: number
  /** When to look again, in milliseconds since the epoch. */
  nextAt?: number
}

/** Deletes what Git dropped, as far as `planPrune` says, and remembers what it could not. */
export class Pruner {
  readonly #options: PrunerOptions
  #troubles = new Map<string, SyncTrouble>()
  #times = 0
  #revision = ''
  #refused = false

  constructor(options: PrunerOptions) {
    this.#options = options
  }

  /** What could not be deleted at the last look. */
  get troubles(): Iterable<SyncTrouble> {
    return this.#troubles.values()
  }

  /** The commit drops more than may be deleted at once: that does not pass by itself. */
  get refused(): boolean {
    return this.#refused
  }

  forget(): void {
    this.#refused = false
    this.#troubles = new Map()
    this.#times = 0
  }

  /**
   * Looks once. Stops where `isOld` says that another commit is in force.
   *
   * @param revision the commit in force
   */
  async prune(facts: PruneFacts, revision: string, isOld: () => boolean): Promise<Pruned> {
    const { tell, source, clock } = this.#options
    if (revision !== this.#revision) this.#times = 0
    this.#revision = revision
    const plan = planPrune(facts)
    const before = this.#troubles
    this.#troubles = new Map()
    const gone: string[] = []
    const trouble = (ref: ObjectRef, why: string) => {
      const key = refKey(ref)
      const since = before.get(key)?.since ?? clock.now()
      this.#troubles.set(key, { what: 'prune', ref, apiVersion: ref.group, why, since })
    }
    for (const { entry, why } of plan.release) {
      gone.push(refKey(entry.ref))
      tell({ event: 'released', source, ref: entry.ref, why })
    }
    for (const entry of [...plan.remove, ...plan.removeEmpty]) {
      if (isOld()) break
      const why = await this.#remove(entry, plan.removeEmpty.includes(entry))
      if (why === undefined) gone.push(refKey(entry.ref))
      else trouble(entry.ref, why)
    }
    this.#refused = plan.refused !== undefined
    if (plan.refused !== undefined) {
      const { count, max } = plan.refused
      trouble(
        plan.waiting[0]!.entry.ref,
        `the commit drops ${count} objects, this and others, and at most ${max} are deleted at once: nothing is deleted. prune.max of the source lets more`,
      )
    }
    const left = plan.remove.length + plan.removeEmpty.length + plan.release.length + plan.waiting.length
    const retry = this.#troubles.size > 0 && plan.refused === undefined
    return {
      gone,
      left: left - gone.length,
      ...(retry ? { nextAt: clock.now() + pauseAfter(++this.#times) } : {}),
    }
  }

  /** Resolves with why it is still there. */
  async #remove(entry: InventoryEntry, onlyEmpty: boolean): Promise<string | undefined> {
    const { applier, source, tell } = this.#options
    try {
      const why = onlyEmpty ? await this.#whyNotEmpty(entry) : undefined
      if (why !== undefined) return why
      await applier.remove(entry)
    } catch (error) {
      return whyOf(error)
    }
    tell({ event: 'pruned', source, ref: entry.ref })
    return undefined
  }

  /** A Namespace takes along what is in it, a definition all objects of its kind: nothing that Git never declared. */
  async #whyNotEmpty(entry: InventoryEntry): Promise<string | undefined> {
    const { found, unseen } = await this.#options.contents(entry)
    if (found.length > 0) return `it stays while something is in it: ${found.join(', ')}`
    if (unseen.length === 0) return undefined
    return `it stays, as the guard may not list all that could be in it: ${unseen.slice(0, 5).join(', ')}`
  }
}
