import type { Declared, Policy } from '../model/policy.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Clock } from './clock.ts'
import type { FightHolds } from './fight-holds.ts'
import type { History } from './history.ts'
import { breakGlassUntil, comesAndGoes, hasTtl, isLeaving } from './live-facts.ts'
import type { Question } from './question.ts'
import type { Facts } from './remedy.ts'
import type { Bringing } from './sight.ts'
import type { TerminatingNamespaces } from './terminating-namespaces.ts'
import type { TrackedObjects } from './tracked-objects.ts'

export interface DecisionFactsParts {
  policy: () => Policy
  history: History
  tracked: TrackedObjects
  terminating: TerminatingNamespaces
  holds: FightHolds
  clock: Clock
  /** Time that a source's agent gets for what may be its own doing, in milliseconds. */
  grace: (source: string) => number
  /** The source's agent is asked to reconcile instead of being overwritten. */
  nudges: (source: string) => boolean
  /** The guard brings this source in itself. */
  isAgent: (source: string) => boolean
  bringing: (source: string, ref: ObjectRef) => Bringing
}

/** Gathers what a decision about a difference is made from. */
export class DecisionFacts {
  readonly #parts: DecisionFactsParts

  constructor(parts: DecisionFactsParts) {
    this.#parts = parts
  }

  /** Asked once a decision: a fight that begins with it is told. */
  of(key: string, declared: Declared, question: Question): Facts {
    const { policy, clock, grace, terminating, tracked, nudges, holds } = this.#parts
    const { source, manifest } = declared
    const now = clock.now()
    const { finding, answer, refused } = question.trouble
    const facts: Facts = {
      drift: finding.drift,
      heal: source.heal,
      now,
      since: finding.seenAt,
      graceMs: grace(source.name),
      writer: question.writer,
    }
    if (answer !== undefined && answer.standing !== 'moved') facts.standing = answer.standing
    const pending = this.#pending(key, declared, question)
    if (pending !== undefined) facts.pending = pending
    const breakGlass = breakGlassUntil(policy(), manifest.ref, now)
    if (breakGlass !== undefined) facts.breakGlassUntil = breakGlass
    if (terminating.has(manifest.ref.namespace, now)) facts.namespaceTerminating = true
    if (question.live !== undefined && isLeaving(question.live)) facts.terminating = true
    if (hasTtl(manifest.object) && tracked.get(key)?.finished === manifest.hash) facts.finished = true
    if (comesAndGoes(manifest.object)) facts.comesAndGoes = true
    if (refused !== undefined) facts.refused = refused.why
    if (source.recreate && refused?.immutable) facts.recreate = true
    if (nudges(source.name)) facts.nudge = true
    const heldUntil = holds.until(key, question.trouble, now)
    if (heldUntil !== undefined) facts.heldUntil = heldUntil
    return facts
  }

  #pending(key: string, declared: Declared, question: Question): Facts['pending'] {
    const { history, isAgent, clock, grace } = this.#parts
    const { finding, answer } = question.trouble
    const source = declared.source.name
    const inForce = history.inForce(source)
    if (inForce === undefined) return undefined
    if (isAgent(source)) return this.#bringing(declared, question)
    const tracked = this.#parts.tracked.get(key)
    const told = tracked?.lagging ?? false
    const progress = answer?.progress
    const here = progress?.revision === inForce.revision
    const suspended = progress?.state === 'suspended'
    // The API server may refuse its agent what it would not refuse the guard: only what the agent has brought in is put back.
    if (declared.source.limited && tracked?.arrived !== declared.manifest.hash)
      return { since: finding.seenAt, suspended, told, ours: false }
    // The agent is done with this commit: what is not as it says was set back.
    if (here && progress?.state === 'applied') return undefined
    const about = { suspended, told, ours: question.ours }
    const replacedAt = history.earlier(key).at(-1)?.replacedAt
    if (question.pending) {
      const since = here && progress?.state === 'applying' ? progress.at : undefined
      return { since: since ?? replacedAt ?? 0, ...about }
    }
    if (!question.agentLike || (question.writer !== 'unknown' && question.writer !== 'agent'))
      return undefined
    // The first commit that the guard sees may be one that the agent is just bringing in; and until it was seen to be at
    // the newest one, it may be bringing in one that the guard passed over.
    const arrived = (tracked?.equalIn ?? -1) !== -1
    const since = inForce.first && !arrived ? inForce.committedAt : replacedAt
    const young = since !== undefined && clock.now() - since < grace(source)
    return young ? { since, ...about } : undefined
  }

  /**
   * What the guard is about to bring in is left to that. Where it cannot be brought in, people's changes of what is there are still
   * taken back.
   */
  #bringing({ source, manifest }: Declared, question: Question): Facts['pending'] {
    const { pending, writer, live, moment } = question
    const bringing = this.#parts.bringing(source.name, manifest.ref) ?? moment.bringing
    const byPeople = !pending && live !== undefined && (writer === 'person' || writer === 'other-manager')
    if (bringing === undefined || (bringing === 'failed' && byPeople)) return undefined
    return { since: this.#parts.clock.now(), suspended: false, told: true, ours: false }
  }
}
