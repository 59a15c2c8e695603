import type { Manifest } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { Declared } from '../model/policy.ts'
import type { AgentMemory } from './agent-memory.ts'
import { guardManager } from './agent-writer.ts'
import type { Clock } from './clock.ts'
import type { Comparison } from './comparison.ts'
import type { ReconcileEvent } from './events.ts'
import type { Forms } from './forms.ts'
import type { History } from './history.ts'
import { bearsOurName, isFinishedJob, isOwnerless } from './live-facts.ts'
import type { Again } from './queue.ts'
import type { Restorer } from './restorer.ts'
import { seenStamps } from './seen-stamps.ts'
import type { Equal } from './sight.ts'
import type { Tracked } from './tracked.ts'
import type { TrackedObjects } from './tracked-objects.ts'
import type { Remains, Trouble, Troubles } from './troubles.ts'

export interface ArrivalParts {
  restorer: Restorer
  forms: Forms
  comparison: Comparison
  memory: AgentMemory
  history: History
  tracked: TrackedObjects
  troubles: Troubles
  clock: Clock
  /** Time that a source's agent gets for what may be its own doing, in milliseconds. */
  grace: (source: string) => number
  tell: (event: ReconcileEvent) => void
}

/** Takes note of objects that are as Git says, and learns from them; finishes what a repair left to do. */
export class Arrival {
  readonly #parts: ArrivalParts

  constructor(parts: ArrivalParts) {
    this.#parts = parts
  }

  /** An object is as Git says. */
  equal(key: string, declared: Declared, sight: Equal): Again | undefined | Promise<Again | undefined> {
    const { comparison, forms } = this.#parts
    const { manifest, source } = declared
    const { live, canonical } = sight
    const tracked = this.note(key, declared, sight)
    tracked.equalIn = comparison.isAccepted(key) ? -1 : forms.epoch
    tracked.lagging = false
    this.undone(key, declared)
    if (tracked.status === 'unattainable' && tracked.isNews(`unattainable ${manifest.hash}`)) {
      const { ref, origin } = manifest
      const fields = canonical.unattainable
      this.#parts.tell({ event: 'unattainable', ref, source: source.name, origin, fields })
    }
    this.#seeStamps(tracked, declared, live)
    const unfinished = bearsOurName(live) || (source.heal === 'revert' && isOwnerless(live, declared))
    return unfinished ? this.finish(key, declared, manifest, live) : undefined
  }

  /** A repair put an object back, to what Git says now or, where that is not to be had yet, to what it said before. */
  restored(
    key: string,
    declared: Declared,
    { remains }: Trouble,
    { manifest, after }: { manifest: Manifest; after: KubeObject },
  ): Promise<Again | undefined> {
    const { comparison, forms, history, troubles, clock } = this.#parts
    const newest = manifest === declared.manifest
    const tracked = this.#parts.tracked.of(key)
    tracked.saw(after)
    tracked.status = newest ? 'inSync' : 'pending'
    tracked.equalIn = newest && !comparison.isAccepted(key) ? forms.epoch : -1
    if (newest) history.arrived(key)
    history.wrote(key, manifest.hash, clock.now())
    troubles.delete(key)
    return this.finish(key, declared, manifest, after, remains)
  }

  /** Notes that it was seen as Git says, and learns from it how its agent writes. */
  note(key: string, declared: Declared, { live, canonical }: Equal): Tracked {
    const { history, memory } = this.#parts
    const { manifest, source } = declared
    const tracked = this.#parts.tracked.of(key)
    tracked.saw(live)
    tracked.status = canonical.unattainable.length > 0 ? 'unattainable' : 'inSync'
    if (source.limited) tracked.arrived = manifest.hash
    if (isFinishedJob(live)) tracked.finished = manifest.hash
    history.arrived(key)
    memory.learn(declared, live)
    return tracked
  }

  /** A difference went away without a repair. What the agent did on its way is nobody's change, and not told. */
  undone(key: string, declared: Declared): void {
    const { troubles, tell } = this.#parts
    const trouble = troubles.get(key)
    if (trouble === undefined) return
    troubles.delete(key)
    const { told, finding, manifest } = trouble
    const asked = finding.reason === 'ask' && finding.drift === 'modified'
    if (told || (asked && manifest === declared.manifest.hash)) tell({ event: 'undone', finding })
  }

  /** Gives the agent its fields back, where a repair still has to. */
  async finish(
    key: string,
    declared: Declared,
    manifest: Manifest,
    live: KubeObject,
    remains?: Remains,
  ): Promise<Again | undefined> {
    const { restorer, memory, grace } = this.#parts
    const { after, newer } = await restorer.finish(key, declared, manifest, live, remains)
    if (newer) return { when: Promise.resolve() }
    const tracked = this.#parts.tracked.of(key)
    tracked.saw(after)
    if (tracked.status === 'pending') return { afterMs: grace(declared.source.name) }
    memory.learn(declared, after)
    this.#seeStamps(tracked, declared, after)
    return undefined
  }

  #seeStamps(tracked: Tracked, declared: Declared, live: KubeObject): void {
    const { memory } = this.#parts
    const isAgent = (manager: string) => manager !== guardManager && memory.mayBeAgent(declared, manager)
    tracked.stamps = seenStamps(live, declared.source.agents, isAgent)
  }
}
