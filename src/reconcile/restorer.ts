import type { Manifest } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { equalJson } from '../object/json.ts'
import { comparable } from '../object/metadata.ts'
import { pathKey } from '../object/path.ts'
import type { AgentMemory } from './agent-memory.ts'
import type { Clock } from './clock.ts'
import type { Base, Comparison } from './comparison.ts'
import type { ReconcileEvent } from './events.ts'
import { bearsOurName, isOwnerless, textAt } from './live-facts.ts'
import type { OwnWrites } from './own-writes.ts'
import type { Again } from './queue.ts'
import { readRefusal, refusedFields } from './refusal.ts'
import type { Repairer } from './repair.ts'
import { readStamps } from './stamps.ts'
import type { Remains, Trouble } from './troubles.ts'

/** A repair that was decided on. */
export interface Case {
  key: string
  declared: Declared
  trouble: Trouble
}

/** What became of a repair. Absent `after`: nothing was written. */
export interface Outcome {
  again?: Again | undefined
  /** The form that was restored, and the object as it is stored now. */
  restored?: { manifest: Manifest; after: KubeObject }
  /** The API server refuses the repair, and will again. */
  refused?: { why: string; immutable: boolean }
  /** The namespace of the object is going away. */
  namespaceTerminating?: boolean
}

/** Asks the queue to read the object and decide again at once. */
const lookAgain: Again = { when: Promise.resolve() }

/** Carries out what was decided, and reads what the API server answers. */
export class Restorer {
  readonly #repairer: Repairer
  readonly #memory: AgentMemory
  readonly #own: OwnWrites
  readonly #comparison: Comparison
  readonly #clock: Clock
  readonly #tell: (event: ReconcileEvent) => void

  constructor(parts: {
    repairer: Repairer
    memory: AgentMemory
    own: OwnWrites
    comparison: Comparison
    clock: Clock
    tell: (event: ReconcileEvent) => void
  }) {
    this.#repairer = parts.repairer
    this.#memory = parts.memory
    this.#own = parts.own
    this.#comparison = parts.comparison
    this.#clock = parts.clock
    this.#tell = parts.tell
  }

  /** Puts a changed object back; makes it anew where it cannot be changed and the source lets the guard. */
  async putBack(policy: Policy, one: Case, base: Base, live: KubeObject): Promise<Outcome> {
    const { declared, trouble } = one
    if (trouble.refused?.immutable && declared.source.recreate) return this.#recreate(one, live)
    const agent = this.#memory.writerOf(declared, live)
    const { manifest, canonical, differences } = base
    const writing = this.#repairer.putBack({ manifest, canonical, live, differences, agent })
    this.tellDrift(trouble)
    let after: KubeObject
    try {
      after = await writing
    } catch (error) {
      return this.#withoutRefused(policy, one, base, live, error)
    }
    this.#own.add(one.key, textAt(after, 'resourceVersion'))
    const left = this.#comparison.differences(policy, declared, canonical, after, manifest).changes
    const paths = new Set(left.map(({ path }) => pathKey(path)))
    if (differences.changes.every(({ path }) => paths.has(pathKey(path)))) {
      return this.#final(trouble, 'the API server accepted the repair and stored something else', false)
    }
    this.#tellRepaired(trouble)
    return { restored: { manifest, after } }
  }

  /** Creates a missing object as its agent would. */
  async create(one: Case): Promise<Outcome> {
    const { key, declared, trouble } = one
    const { manifest } = declared
    const agent = trouble.remains?.writer ?? this.#memory.writerOf(declared, undefined)
    const stamps = trouble.remains?.stamps ?? this.#memory.stampsOf(declared)
    const writing = this.#repairer.create({ manifest, agent, stamps })
    this.tellDrift(trouble)
    let after: KubeObject
    try {
      after = await writing
    } catch (error) {
      return this.#refused(one, error, 'create')
    }
    this.#own.add(key, textAt(after, 'resourceVersion'))
    this.#tellRepaired(trouble)
    return { restored: { manifest, after } }
  }

  /**
   * Gives the agent its fields back. The object is as Git says already: a failure here is tried again on its own.
   * Resolves with the object as it is stored then; `newer` where somebody changed it meanwhile: that is still to be looked at.
   */
  async finish(
    key: string,
    declared: Declared,
    manifest: Manifest,
    live: KubeObject,
    remains?: Remains,
  ): Promise<{ after: KubeObject; newer: boolean }> {
    if (!bearsOurName(live) && !isOwnerless(live, declared)) return { after: live, newer: false }
    // What the guard made anew does not show how the agent wrote it.
    const agent = remains?.writer ?? this.#memory.writerOf(declared, live)
    const stamps = remains?.stamps ?? readStamps(live, manifest.object)
    const shape = declared.shape()
    const after = await this.#repairer.finish({ manifest, live, agent, stamps, shape, entry: remains?.entry })
    if (after === undefined) return { after: live, newer: false }
    const newer = !equalJson(comparable(after), comparable(live))
    if (!newer) this.#own.add(key, textAt(after, 'resourceVersion'))
    return { after, newer }
  }

  /** Tells a difference, once. */
  tellDrift(trouble: Trouble): void {
    if (trouble.told) return
    trouble.told = true
    this.#tell({ event: 'drift', finding: { ...trouble.finding } })
  }

  #tellRepaired({ finding }: Trouble): void {
    this.#tell({ event: 'repaired', finding, repairedAfterMs: this.#clock.now() - finding.seenAt })
  }

  async #recreate(one: Case, live: KubeObject): Promise<Outcome> {
    const { declared, trouble } = one
    const stamps = readStamps(live, declared.manifest.object)
    trouble.remains = { stamps, entry: undefined, writer: this.#memory.writerOf(declared, live) }
    try {
      await this.#repairer.remove(live)
    } catch (error) {
      return this.#refused(one, error, 'delete')
    }
    return this.create(one)
  }

  /** Where some fields cannot be changed, the others can: one more write without those that the answer names. */
  async #withoutRefused(
    policy: Policy,
    one: Case,
    base: Base,
    live: KubeObject,
    error: unknown,
  ): Promise<Outcome> {
    const { changes, covered } = base.differences
    const named = refusedFields(error)
    const rest = changes.filter(({ path }) => !named.some((isNamed) => isNamed(path)))
    const anew = one.declared.source.recreate
    if (anew || named.length === 0 || rest.length === 0 || rest.length === changes.length) {
      return this.#refused(one, error, 'put')
    }
    const others = changes.filter((change) => !rest.includes(change)).map((change) => ({ change }))
    const differences = { changes: rest, covered: [...covered, ...others] }
    const partial = await this.putBack(policy, one, { ...base, differences }, live)
    // What the first answer said is why; the rest alone may make no sense.
    if (partial.refused !== undefined) return this.#refused(one, error, 'put')
    if (partial.restored === undefined) return partial
    this.#own.drop(one.key, textAt(partial.restored.after, 'resourceVersion'))
    return { again: lookAgain }
  }

  #refused({ trouble }: Case, error: unknown, operation: 'put' | 'create' | 'delete'): Outcome {
    const refusal = readRefusal(error, operation)
    switch (refusal.kind) {
      case 'stale':
      case 'gone':
        return { again: lookAgain }
      case 'not-yet':
        trouble.attempts++
        return { again: { afterMs: Math.min(30_000, 500 * 2 ** Math.min(trouble.attempts, 10)) } }
      case 'namespace-terminating':
        return { again: { afterMs: 5_000 }, namespaceTerminating: true }
      case 'final':
        return this.#final(trouble, refusal.message, refusal.immutable)
      case 'later':
        throw error
    }
  }

  #final(trouble: Trouble, why: string, immutable: boolean): Outcome {
    trouble.refused = { why, immutable }
    return { refused: { why, immutable } }
  }
}
