import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { refKey, refOf } from '../object/identity.ts'
import { AgentMemory } from './agent-memory.ts'
import { Ahead } from './ahead.ts'
import { Arrival } from './arrival.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { Comparison } from './comparison.ts'
import { Decider } from './decider.ts'
import { DecisionFacts } from './decision-facts.ts'
import { dependentsOf } from './dependents.ts'
import type { DesiredChange } from './desired-change.ts'
import { Diagnosis } from './diagnosis.ts'
import type { Finding, Status, WatchEvent } from './events.ts'
import { Examination } from './examination.ts'
import { FightHolds } from './fight-holds.ts'
import type { Forms } from './forms.ts'
import { FullLists } from './full-lists.ts'
import { History } from './history.ts'
import { installRank } from './install-rank.ts'
import { refOfKey } from './keys.ts'
import type { LiveEvent } from './live-event.ts'
import { textAt } from './live-facts.ts'
import { OtherReplicas } from './other-replicas.ts'
import { OwnWrites } from './own-writes.ts'
import { WorkQueue } from './queue.ts'
import type { Again } from './queue.ts'
import type { ReconcilerOptions } from './reconciler-options.ts'
import { Repairer } from './repair.ts'
import { Restorer } from './restorer.ts'
import { Settlement } from './settlement.ts'
import { TerminatingNamespaces } from './terminating-namespaces.ts'
import { TrackedObjects } from './tracked-objects.ts'
import { Treatment } from './treatment.ts'
import { Troubles } from './troubles.ts'
import { UndeclaredKeeper } from './undeclared-keeper.ts'

/** Objects that wait in the queue, at most, while their canonical form is not known. */
const mostHeld = 1_000

/**
 * Keeps live objects as Git says. Events of the watch and commits put an object's identity in one queue; its newest
 * state is examined, what differs is diagnosed, decided about, and put back or reported. Nothing of a live object
 * stays in memory once it is compared.
 */
export class Reconciler {
  readonly #forms: Forms
  readonly #owns: ((key: string) => boolean) | undefined
  readonly #clock: Clock
  readonly #queue: WorkQueue<LiveEvent>
  readonly #comparison: Comparison
  readonly #examination: Examination
  readonly #diagnosis: Diagnosis
  readonly #decider: Decider
  readonly #arrival: Arrival
  readonly #others: OtherReplicas
  readonly #undeclared: UndeclaredKeeper
  readonly #holds: FightHolds
  readonly #tracked = new TrackedObjects()
  readonly #lists = new FullLists()
  readonly #history = new History()
  readonly #troubles = new Troubles()
  readonly #own = new OwnWrites()
  readonly #terminating = new TerminatingNamespaces()
  #policy: Policy

  constructor(options: ReconcilerOptions) {
    const { objects, forms, ledger, tell, owns, graceMs, nudges, isAgent } = options
    this.#policy = options.policy
    this.#forms = forms
    this.#owns = owns
    const policy = () => this.#policy
    const clock = (this.#clock = options.clock ?? systemClock)
    const grace = (source: string) => graceMs?.(source) ?? 60_000
    const bringing = (source: string, ref: ObjectRef) => options.bringing?.(source, ref)
    const [tracked, history, troubles] = [this.#tracked, this.#history, this.#troubles]
    const [own, terminating] = [this.#own, this.#terminating]
    const memory = new AgentMemory()
    const repairer = new Repairer(objects)
    const comparison = (this.#comparison = new Comparison({ forms, ledger }))
    const ahead = new Ahead({
      clock,
      progress: options.progress,
      git: options.git,
      definition: options.definition,
      revision: (source) => history.inForce(source)?.revision,
      known: (source, revision) => history.knows(source, revision),
    })
    const restorer = new Restorer({ repairer, memory, own, comparison, clock, tell })
    const holds = (this.#holds = new FightHolds({ policy, tell }))
    const arrival = (this.#arrival = new Arrival({
      restorer,
      forms,
      comparison,
      memory,
      history,
      tracked,
      troubles,
      clock,
      grace,
      tell,
    }))
    this.#examination = new Examination({
      policy,
      objects,
      forms,
      comparison,
      history,
      tracked,
      clock,
      bringing,
      tell,
    })
    this.#diagnosis = new Diagnosis({
      policy,
      ledger,
      forms,
      comparison,
      memory,
      history,
      tracked,
      troubles,
      clock,
      grace,
    })
    this.#decider = new Decider({
      ahead,
      facts: new DecisionFacts({
        policy,
        history,
        tracked,
        terminating,
        holds,
        clock,
        grace,
        bringing,
        nudges: (source) => nudges?.(source) ?? false,
        isAgent: (source) => isAgent?.(source) ?? false,
      }),
      treatment: new Treatment({
        policy,
        restorer,
        arrival,
        holds,
        terminating,
        tracked,
        clock,
        tell,
        onCreated: (manifest) => this.#wake(dependentsOf(manifest, this.#policy)),
      }),
      settlement: new Settlement({ restorer, tracked, troubles, clock, grace, tell }),
    })
    this.#others = new OtherReplicas({
      policy,
      objects,
      forms,
      comparison,
      arrival,
      owns: (key) => owns?.(key) === true,
    })
    this.#undeclared = new UndeclaredKeeper({ ahead, repairer, troubles, clock, graceMs: grace, tell })
    this.#queue = new WorkQueue<LiveEvent>({
      clock,
      workers: options.workers ?? 32,
      backoff: { first: 200, longest: 60_000 },
      ...(options.random === undefined ? {} : { random: options.random }),
      ...(options.onWorked === undefined ? {} : { onWorked: options.onWorked }),
      onFailed: (key, error, retryMs) => {
        const message = error instanceof Error ? error.message : String(error)
        tell({ event: 'failed', ref: refOfKey(key), message, retryMs })
      },
      work: (key, event) => this.#work(key, event),
    })
  }

  // --- what happens ---

  /** Puts a policy in force. What Git declares in it is announced by `desiredChanged`. */
  setPolicy(policy: Policy): void {
    const ended = this.#policy.breakGlass.filter((one) => !policy.breakGlass.includes(one))
    this.#policy = policy
    // An exception that is taken back early ends now.
    if (ended.length > 0) for (const key of this.#troubles.withReason('break-glass')) this.#queue.add(key)
  }

  /** A source's commit is in force. Call it after `setPolicy` with the policy that holds it. */
  desiredChanged(change: DesiredChange): void {
    const now = this.#clock.now()
    const { first } = this.#history.load(change.source, change)
    for (const ref of change.removed) this.#forget(refKey(ref))
    for (const { ref, before } of change.changed) {
      const key = refKey(ref)
      if (!first) this.#history.replace(key, { manifest: before, replacedAt: now })
      this.#comparison.forget(key)
      const tracked = this.#tracked.of(key)
      tracked.finished = undefined
      tracked.lagging = false
      tracked.equalIn = -1
      this.#queue.add(key)
    }
    for (const ref of change.added) {
      const key = refKey(ref)
      this.#undeclared.forget(key)
      this.#tracked.of(key)
      // At the start the watch brings every object anyway.
      if (first) continue
      this.#history.replace(key, { manifest: undefined, replacedAt: now })
      this.#queue.add(key)
    }
    for (const key of this.#troubles.ofSource(change.source)) this.#queue.add(key)
  }

  /** What the watch says of an object. */
  observe(type: WatchEvent, object: KubeObject): void {
    const ref = refOf(object)
    const isNamespace = ref.kind === 'Namespace' && ref.group === ''
    if (isNamespace && this.#terminating.observe(type, object)) this.#wake(this.#policy.declaredIn(ref.name))
    const declared = this.#policy.declared(ref)
    if (declared === undefined) return
    const key = refKey(ref)
    const at = this.#clock.now()
    if (type === 'deleted') {
      this.#queue.add(key, { read: false, last: object, at })
      return
    }
    const tracked = this.#tracked.of(key)
    tracked.list = this.#lists.of(ref)
    const version = textAt(object, 'resourceVersion')
    // A list brings what is known, our own writes come back as events: neither needs another look.
    if (tracked.resourceVersion === version && tracked.equalIn === this.#forms.epoch) return
    if (this.#own.has(key, version)) return
    // A list may be far longer than what is worth holding: an object that must wait for its form is read again then.
    const { ready } = this.#queue.sizes
    const hold = ready < (declared.canonical() === undefined ? mostHeld : mostHeld * 5)
    this.#queue.add(key, hold ? { object, read: false, at } : { read: true, at })
  }

  /** A full list of a kind begins; what it holds comes through `observe`, then `synced` says that it is complete. */
  listing(kind: { group: string; kind: string }): void {
    this.#lists.begin(kind)
  }

  /**
   * A full list of a kind is complete: what Git declares and the list did not hold is missing. `seen` (by `refKey`)
   * says what it held, where `listing` was not called before it.
   */
  synced({ group, kind }: { group: string; kind: string }, seen?: { has(key: string): boolean }): void {
    const at = this.#clock.now()
    const list = this.#lists.of({ group, kind })
    const missing: ObjectRef[] = []
    for (const { manifest } of this.#policy.declaredOf(group, kind)) {
      const key = refKey(manifest.ref)
      const there = seen === undefined ? list > 0 && this.#tracked.of(key).list === list : seen.has(key)
      if (!there) missing.push(manifest.ref)
    }
    for (const ref of missing.toSorted((a, b) => installRank(a) - installRank(b))) {
      const key = refKey(ref)
      this.#tracked.of(key).resourceVersion = ''
      this.#queue.add(key, { read: true, at })
    }
  }

  /** What a metadata-only watch says of an object, for sources that do not allow what Git does not name. */
  observeUndeclared(type: WatchEvent, object: KubeObject): void {
    if (!this.#undeclared.observe(this.#policy, type, object)) return
    this.#queue.add(refKey(refOf(object)), { object, read: false, at: this.#clock.now() })
  }

  /** Reads an object and compares it again, at once. */
  check(ref: ObjectRef): void {
    this.#queue.addAtOnce(refKey(ref), { read: true, at: this.#clock.now() })
  }

  /** Reads and compares everything that Git declares again. */
  checkAll(): void {
    for (const key of this.#tracked.keys()) this.#queue.add(key, { read: true, at: this.#clock.now() })
  }

  /** Replicas came or went: what is this one's now and was not as Git says is looked at. */
  shareChanged(): void {
    const owns = this.#owns
    if (owns === undefined) return
    const at = this.#clock.now()
    for (const key of this.#others.unsettled()) if (owns(key)) this.#queue.add(key, { read: true, at })
    for (const key of this.#troubles.keys()) if (!owns(key)) this.#queue.add(key)
  }

  // --- what is known ---

  statusOf(ref: ObjectRef): Status | undefined {
    const key = refKey(ref)
    return this.#undeclared.statusOf(key) ?? this.#tracked.get(key)?.status
  }

  /** The difference that an object stands in, if it does. */
  findingOf(ref: ObjectRef): Finding | undefined {
    return this.#troubles.get(refKey(ref))?.finding
  }

  *statuses(): Iterable<{ ref: ObjectRef; status: Status }> {
    for (const [key, { status }] of this.#tracked.entries()) yield { ref: refOfKey(key), status }
    for (const [key, status] of this.#undeclared.statuses()) yield { ref: refOfKey(key), status }
  }

  /** How many objects stand where, how much is waiting, and how many fights go on. */
  counts(): { statuses: Map<Status, number>; queue: WorkQueue<LiveEvent>['sizes']; fights: number } {
    const statuses = new Map<Status, number>()
    const count = (status: Status) => statuses.set(status, (statuses.get(status) ?? 0) + 1)
    for (const [, { status }] of this.#tracked.entries()) count(status)
    for (const [, status] of this.#undeclared.statuses()) count(status)
    return { statuses, queue: this.#queue.sizes, fights: this.#holds.count }
  }

  pause(): void {
    this.#queue.pause()
  }

  resume(): void {
    this.#queue.resume()
  }

  /** Resolves when nothing is waiting for a worker or being worked on. */
  idle(): Promise<void> {
    return this.#queue.idle()
  }

  close(): void {
    this.#queue.close()
  }

  // --- one object ---

  /** Stays synchronous for an object that is as Git says: the common case must cost nothing but the comparison. */
  #work(key: string, event: LiveEvent | undefined): Again | undefined | Promise<Again | undefined> {
    const declared = this.#policy.declared(refOfKey(key))
    if (this.#owns !== undefined) {
      if (!this.#owns(key)) return this.#leave(key, declared, event)
      this.#others.forget(key)
    }
    if (declared === undefined) return this.#workUndeclared(key, event)
    const live = event?.object
    if (live === undefined) return this.#examine(key, declared, event)
    if (this.#own.has(key, textAt(live, 'resourceVersion'))) return undefined
    const equal = this.#examination.atOnce(key, declared, live)
    if (equal === undefined) return this.#examine(key, declared, event)
    this.#comparison.forget(key)
    return this.#arrival.equal(key, declared, equal)
  }

  #workUndeclared(key: string, event: LiveEvent | undefined): undefined | Promise<Again | undefined> {
    if (event?.object !== undefined && this.#undeclared.has(key))
      return this.#undeclared.examine(this.#policy, key, event.object, event.at)
    this.#forget(key)
    return undefined
  }

  /** Another replica acts on it. */
  #leave(
    key: string,
    declared: Declared | undefined,
    event: LiveEvent | undefined,
  ): undefined | Promise<undefined> {
    this.#troubles.delete(key)
    if (declared === undefined && !this.#undeclared.has(key)) {
      this.#forget(key)
      return undefined
    }
    return this.#others.look(key, declared, event)
  }

  async #examine(
    key: string,
    declared: Declared,
    event: LiveEvent = { read: true, at: this.#clock.now() },
  ): Promise<Again | undefined> {
    const sight = await this.#examination.examine(key, declared, event)
    switch (sight.is) {
      case 'unclear':
        return sight.again
      case 'as-before':
        this.#arrival.undone(key, declared)
        return undefined
      case 'equal':
        return this.#arrival.equal(key, declared, sight)
      default:
        return this.#decider.decide(key, declared, await this.#diagnosis.of(key, declared, sight))
    }
  }

  #forget(key: string): void {
    this.#tracked.forget(key)
    this.#troubles.delete(key)
    this.#comparison.forget(key)
    this.#history.forget(key)
    this.#undeclared.forget(key)
    this.#others.forget(key)
    this.#holds.forget(key)
  }

  /** What waited for something is tried at once. */
  #wake(waiting: Iterable<Declared>): void {
    for (const { manifest } of waiting) {
      const key = refKey(manifest.ref)
      const status = this.#tracked.get(key)?.status
      if (status === 'missing' || status === 'pending') this.#queue.add(key)
    }
  }
}
