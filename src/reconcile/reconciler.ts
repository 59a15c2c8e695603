import type { Canonical, Manifest } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { refKey, refOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { isAgentOf } from '../policy/agents.ts'
import { pathKey } from '../object/path.ts'
import { AgentMemory } from './agent-memory.ts'
import { guardManager } from './agent-writer.ts'
import { Ahead } from './ahead.ts'
import type { Answer, Definition, Progress, Refresh, Tip } from './ahead.ts'
import { attribute } from './attribution.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { Comparison } from './comparison.ts'
import type { Base } from './comparison.ts'
import { isDeleted } from './events.ts'
import type { Finding, ReconcileEvent, Status, WatchEvent } from './events.ts'
import { Fights } from './fights.ts'
import type { Forms } from './forms.ts'
import { History } from './history.ts'
import { installRank } from './install-rank.ts'
import { refOfKey } from './keys.ts'
import type { Ledger } from './ledger.ts'
import {
  bearsOurName,
  breakGlassUntil,
  comesAndGoes,
  hasTtl,
  isFinishedJob,
  isLeaving,
  isOwnerless,
  textAt,
} from './live-facts.ts'
import { readManagedFields } from './managed-fields.ts'
import { ownersOf } from './owners.ts'
import type { Objects } from './objects.ts'
import { OwnWrites } from './own-writes.ts'
import { WorkQueue } from './queue.ts'
import type { Again } from './queue.ts'
import { readRefusal } from './refusal.ts'
import { decideRemedy } from './remedy.ts'
import type { Decision, Facts, Writer } from './remedy.ts'
import { Repairer } from './repair.ts'
import { Restorer } from './restorer.ts'
import type { Outcome } from './restorer.ts'
import { signatureOf } from './signature.ts'
import { lostStamps, seenStamps } from './seen-stamps.ts'
import { readStamps, stamped } from './stamps.ts'
import { Tracked } from './tracked.ts'
import { relapseOf, Troubles } from './troubles.ts'
import type { Remains, Trouble } from './troubles.ts'
import { UndeclaredKeeper } from './undeclared-keeper.ts'

export type { Form, Forms } from './forms.ts'

/** A source's new commit, in force from now on. */
export interface DesiredChange {
  source: string
  revision: string
  /** When the commit was made, in milliseconds since the epoch. */
  committedAt: number
  added: readonly ObjectRef[]
  /** What changed, with the manifest that was in force before. */
  changed: readonly { ref: ObjectRef; before: Manifest }[]
  removed: readonly ObjectRef[]
}

export interface ReconcilerOptions {
  policy: Policy
  objects: Objects
  forms: Forms
  progress: Progress
  git: Tip & Refresh
  /** For sources that may become others while their commit stays. */
  definition?: Definition
  ledger: Ledger
  tell: (event: ReconcileEvent) => void
  clock?: Clock
  /** Time that a source's agent gets for what may be its own doing, in milliseconds. Default: a minute. */
  graceMs?: (source: string) => number
  /** Whether this replica acts on the object: others do on the rest. */
  owns?: (key: string) => boolean
  /** Sources whose agent is asked to reconcile instead of being overwritten. */
  nudges?: (source: string) => boolean
  /** The guard brings this source in itself: no agent is waited for. */
  isAgent?: (source: string) => boolean
  /**
   * Where the guard brings a source in: whether an object's newest form is still to be brought in, or cannot be for now. It calls `check`
   * for each that it answered `now` for, when that is over.
   */
  bringing?: (source: string, ref: ObjectRef) => 'now' | 'failed' | undefined
  /** Objects that are worked on at the same time. */
  workers?: number
  random?: () => number
  /** For metrics, in milliseconds: how long an object waited for a worker, and how long the work took. */
  onWorked?: (waitedMs: number, workedMs: number, error: unknown) => void
}

interface LiveEvent {
  /** The newest object; undefined where it is gone, or where `read` says to get it. */
  object?: KubeObject
  read: boolean
  /** The object as it was when it was deleted. */
  last?: KubeObject
  /** When it was received, in milliseconds since the epoch. */
  at: number
  /** When it was read, or else received: what was asked before this time says nothing of it. */
  trueAt?: number
  /** Whether the object was still to be brought in when it was looked at. */
  bringing?: 'now' | 'failed' | undefined
}

/** Objects that wait in the queue, at most, while their canonical form is not known. */
const mostHeld = 1_000

/** A difference that is to be decided about. */
interface Question {
  writer: Writer
  /** Live is as Git said before. */
  pending: boolean
  /** What differs bears the agent's field manager, or nobody's any more: it may be a commit that the guard does not know. */
  agentLike: boolean
  /** It was the guard that put that earlier form there. */
  ours: boolean
  event: LiveEvent
  live: KubeObject | undefined
  repair: () => Promise<Outcome>
}

/**
 * Keeps live objects as Git says. Events of the watch and commits put an object's identity in one queue; its newest
 * state is compared with the canonical form, the difference judged, and put back or reported. Nothing of a live object
 * stays in memory once it is compared.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #clock: Clock
  readonly #queue: WorkQueue<LiveEvent>
  readonly #ahead: Ahead
  readonly #comparison: Comparison
  readonly #restorer: Restorer
  readonly #undeclared: UndeclaredKeeper
  readonly #memory = new AgentMemory()
  readonly #history = new History()
  readonly #troubles = new Troubles()
  readonly #fights = new Fights()
  readonly #own = new OwnWrites()
  #policy: Policy

  readonly #tracked = new Map<string, Tracked>()
  /** Full lists so far, by kind. */
  readonly #lists = new Map<string, number>()
  /** Jobs that finished at the manifest with this hash. */
  readonly #finished = new Map<string, string>()
  /** What was said once about a manifest, by object. */
  readonly #said = new Map<string, string>()
  /** Objects whose agent lags, of which people were told. */
  readonly #lagging = new Set<string>()
  /** Objects of other replicas that are not known to be as Git says. */
  readonly #others = new Set<string>()
  /** Namespaces that are going away, until when this is believed. */
  readonly #terminating = new Map<string, number>()

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#policy = options.policy
    const clock = (this.#clock = options.clock ?? systemClock)
    const { progress, git, tell, objects } = options
    const repairer = new Repairer(objects)
    this.#ahead = new Ahead({
      clock,
      progress,
      git,
      definition: options.definition,
      revision: (source) => this.#history.inForce(source)?.revision,
      known: (source, revision) => this.#history.knows(source, revision),
    })
    this.#comparison = new Comparison(options)
    this.#restorer = new Restorer({
      repairer,
      memory: this.#memory,
      own: this.#own,
      comparison: this.#comparison,
      clock,
      tell,
    })
    this.#undeclared = new UndeclaredKeeper({
      ahead: this.#ahead,
      repairer,
      troubles: this.#troubles,
      clock,
      graceMs: (source) => this.#grace(source),
      tell,
    })
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
      this.#finished.delete(key)
      this.#lagging.delete(key)
      this.#track(key).equalIn = -1
      this.#queue.add(key)
    }
    for (const ref of change.added) {
      const key = refKey(ref)
      this.#undeclared.forget(key)
      this.#track(key)
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
    if (ref.kind === 'Namespace' && ref.group === '') this.#observeNamespace(type, object)
    const declared = this.#policy.declared(ref)
    if (declared === undefined) return
    const key = refKey(ref)
    const at = this.#clock.now()
    if (isDeleted(type)) {
      this.#queue.add(key, { read: false, last: object, at })
      return
    }
    const tracked = this.#track(key)
    tracked.list = this.#lists.get(kindOf(ref)) ?? 0
    const version = textAt(object, 'resourceVersion')
    // A list brings what is known, our own writes come back as events: neither needs another look.
    if (tracked.resourceVersion === version && tracked.equalIn === this.#options.forms.epoch) return
    if (this.#own.has(key, version)) return
    // A list may be far longer than what is worth holding: an object that must wait for its form is read again then.
    const { ready } = this.#queue.sizes
    const hold = ready < (declared.canonical() === undefined ? mostHeld : mostHeld * 5)
    this.#queue.add(key, hold ? { object, read: false, at } : { read: true, at })
  }

  /** A full list of a kind begins; what it holds comes through `observe`, then `synced` says that it is complete. */
  listing({ group, kind }: { group: string; kind: string }): void {
    const name = `${group}/${kind}`
    this.#lists.set(name, (this.#lists.get(name) ?? 0) + 1)
  }

  /**
   * A full list of a kind is complete: what Git declares and the list did not hold is missing. `seen` (by `refKey`)
   * says what it held, where `listing` was not called before it.
   */
  synced({ group, kind }: { group: string; kind: string }, seen?: { has(key: string): boolean }): void {
    const at = this.#clock.now()
    const list = this.#lists.get(`${group}/${kind}`) ?? 0
    const missing: ObjectRef[] = []
    for (const { manifest } of this.#policy.declaredOf(group, kind)) {
      const key = refKey(manifest.ref)
      const there = seen === undefined ? list > 0 && this.#track(key).list === list : seen.has(key)
      if (!there) missing.push(manifest.ref)
    }
    for (const ref of missing.toSorted((a, b) => installRank(a) - installRank(b))) {
      const key = refKey(ref)
      this.#track(key).resourceVersion = ''
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
    const { owns } = this.#options
    if (owns === undefined) return
    const at = this.#clock.now()
    for (const key of this.#others) if (owns(key)) this.#queue.add(key, { read: true, at })
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
    for (const [key, { status }] of this.#tracked) yield { ref: refOfKey(key), status }
    for (const [key, status] of this.#undeclared.statuses()) yield { ref: refOfKey(key), status }
  }

  /** How many objects stand where, how much is waiting, and how many fights go on. */
  counts(): { statuses: Map<Status, number>; queue: WorkQueue<LiveEvent>['sizes']; fights: number } {
    const statuses = new Map<Status, number>()
    const count = (status: Status) => statuses.set(status, (statuses.get(status) ?? 0) + 1)
    for (const { status } of this.#tracked.values()) count(status)
    for (const [, status] of this.#undeclared.statuses()) count(status)
    return { statuses, queue: this.#queue.sizes, fights: this.#fights.count }
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
    if (this.#options.owns !== undefined) {
      if (!this.#options.owns(key)) return this.#leave(key, event)
      this.#others.delete(key)
    }
    const declared = this.#policy.declared(refOfKey(key))
    const live = event?.object
    if (declared === undefined) {
      if (live !== undefined && this.#undeclared.has(key)) {
        return this.#undeclared.examine(this.#policy, key, live, event!.at)
      }
      this.#forget(key)
      return undefined
    }
    if (live === undefined)
      return this.#examine(key, declared, event ?? { read: true, at: this.#clock.now() })
    if (this.#own.has(key, textAt(live, 'resourceVersion'))) return undefined
    const canonical = declared.canonical()
    if (canonical?.object.apiVersion === live.apiVersion) {
      const { changes } = this.#comparison.differences(this.#policy, declared, canonical, live)
      if (changes.length === 0 && !isLeaving(live) && this.#lost(key, live).length === 0) {
        this.#comparison.forget(key)
        return this.#isEqual(key, declared, live, canonical)
      }
    }
    return this.#examine(key, declared, event!)
  }

  /**
   * Another replica acts on it. It is compared all the same: what is as Git says needs no look when that replica is gone, and the
   * rest is known at once. Its form serves admission too.
   */
  #leave(key: string, event: LiveEvent | undefined): undefined | Promise<undefined> {
    this.#troubles.delete(key)
    const declared = this.#policy.declared(refOfKey(key))
    if (declared === undefined && !this.#undeclared.has(key)) {
      this.#forget(key)
      return undefined
    }
    this.#others.add(key)
    // One that was deleted will be seen again.
    if (declared === undefined || event?.last !== undefined) return undefined
    const live = event?.object
    const canonical = declared.canonical()
    if (live === undefined || canonical?.object.apiVersion !== live.apiVersion)
      return this.#lookAtOther(key, declared)
    this.#noteOther(key, declared, canonical, live)
    return undefined
  }

  async #lookAtOther(key: string, declared: Declared): Promise<undefined> {
    const form = await this.#options.forms.form(declared.manifest)
    if (!('canonical' in form)) return
    const { canonical } = form
    const live = await this.#read(declared.manifest.ref, canonical.object.apiVersion)
    if (live !== undefined) this.#noteOther(key, declared, canonical, live)
  }

  #noteOther(key: string, declared: Declared, canonical: Canonical, live: KubeObject): void {
    // A repair that is half done is finished by whoever looks after it next.
    if (bearsOurName(live) || this.#options.owns?.(key) === true) return
    const { changes } = this.#comparison.differences(this.#policy, declared, canonical, live)
    if (changes.length > 0) return
    this.#others.delete(key)
    const tracked = this.#track(key)
    note(tracked, live)
    tracked.equalIn = this.#options.forms.epoch
    tracked.status = canonical.unattainable.length > 0 ? 'unattainable' : 'inSync'
    if (declared.source.limited) tracked.arrived = declared.manifest.hash
    this.#history.arrived(key)
    if (isFinishedJob(live)) this.#finished.set(key, declared.manifest.hash)
    this.#memory.learn(declared, live)
  }

  async #examine(key: string, declared: Declared, received: LiveEvent): Promise<Again | undefined> {
    const { ref } = declared.manifest
    // What is read now may be older than what is applied by the time that it is judged.
    const bringing = this.#options.bringing?.(declared.source.name, ref)
    const version = declared.canonical()?.object.apiVersion ?? declared.manifest.object.apiVersion
    let live = received.read ? await this.#read(ref, version) : received.object
    const event = { ...received, bringing, trueAt: received.read ? this.#clock.now() : received.at }
    if (live === undefined) return this.#isMissing(key, declared, event)
    note(this.#track(key), live)
    const form = await this.#form(key, declared)
    if ('again' in form) {
      return this.#track(key).status === 'invalid'
        ? this.#keepEarlier(key, declared, live, event)
        : form.again
    }
    const { canonical } = form
    // Kinds are compared at the version at which they are stored, where that loses nothing.
    if (live.apiVersion !== canonical.object.apiVersion)
      live = await this.#read(ref, canonical.object.apiVersion)
    if (live === undefined) return this.#isMissing(key, declared, event)
    const differences = await this.#differences(key, declared, canonical, live)
    // A newer version is there.
    if (differences === undefined) return { when: Promise.resolve() }
    const lost = this.#lost(key, live)
    if (differences.changes.length + lost.length === 0) {
      if (isLeaving(live)) return this.#isLeaving(key, declared, live, event)
      return this.#isEqual(key, declared, live, canonical)
    }
    const base = this.#withLost(key, { manifest: declared.manifest, canonical, differences }, lost)
    return this.#isModified(key, declared, live, base, event)
  }

  /** The API server refuses what Git says now: what it said before is kept, as far as that is known. */
  async #keepEarlier(
    key: string,
    declared: Declared,
    live: KubeObject,
    event: LiveEvent,
  ): Promise<Again | undefined> {
    const earlier = this.#history.earlier(key).at(-1)?.manifest
    const form = earlier && (await this.#options.forms.form(earlier))
    if (earlier === undefined || form === undefined || !('canonical' in form)) return undefined
    const { canonical } = form
    if (canonical.object.apiVersion !== live.apiVersion) return undefined
    const differences = this.#comparison.differences(this.#policy, declared, canonical, live, earlier)
    if (differences.changes.length > 0)
      return this.#isModified(key, declared, live, { manifest: earlier, canonical, differences }, event)
    const trouble = this.#troubles.get(key)
    if (trouble !== undefined) this.#isUndone(key, declared, trouble)
    return undefined
  }

  /**
   * An object once seen equal under this admission needs no confirmation: then its repair is one write. Undefined where
   * live is no longer what is stored.
   */
  async #differences(key: string, declared: Declared, canonical: Canonical, live: KubeObject) {
    if (this.#track(key).equalIn === this.#options.forms.epoch) {
      return this.#comparison.differences(this.#policy, declared, canonical, live)
    }
    try {
      return await this.#comparison.confirmed(this.#policy, declared, canonical, live, key)
    } catch (error) {
      const { kind } = readRefusal(error, 'put')
      if (kind === 'stale' || kind === 'gone') return undefined
      throw error
    }
  }

  #read({ kind, namespace, name }: ObjectRef, apiVersion: string): Promise<KubeObject | undefined> {
    return this.#options.objects.get({ apiVersion, kind, namespace, name })
  }

  async #form(
    key: string,
    declared: Declared,
  ): Promise<{ canonical: Canonical } | { again: Again | undefined }> {
    const known = declared.canonical()
    if (known !== undefined) return { canonical: known }
    const { manifest, source } = declared
    const form = await this.#options.forms.form(manifest)
    if ('canonical' in form) return form
    const tracked = this.#track(key)
    if ('pending' in form) {
      tracked.status = 'pending'
      return { again: { afterMs: form.retryAfterMs ?? 5_000 } }
    }
    tracked.status = 'invalid'
    if (this.#isNews(key, `invalid ${manifest.hash} ${form.invalid}`)) {
      const { ref, origin } = manifest
      this.#options.tell({ event: 'invalid', ref, source: source.name, origin, message: form.invalid })
    }
    return { again: undefined }
  }

  #isEqual(
    key: string,
    declared: Declared,
    live: KubeObject,
    canonical: Canonical,
  ): Again | undefined | Promise<Again | undefined> {
    const { manifest, source } = declared
    const tracked = this.#track(key)
    note(tracked, live)
    tracked.equalIn = this.#comparison.isAccepted(key) ? -1 : this.#options.forms.epoch
    tracked.status = canonical.unattainable.length > 0 ? 'unattainable' : 'inSync'
    if (source.limited) tracked.arrived = manifest.hash
    this.#history.arrived(key)
    if (this.#lagging.size > 0) this.#lagging.delete(key)
    const trouble = this.#troubles.get(key)
    if (trouble !== undefined) this.#isUndone(key, declared, trouble)
    if (tracked.status === 'unattainable' && this.#isNews(key, `unattainable ${manifest.hash}`)) {
      const { ref, origin } = manifest
      const fields = canonical.unattainable
      this.#options.tell({ event: 'unattainable', ref, source: source.name, origin, fields })
    }
    if (isFinishedJob(live)) this.#finished.set(key, manifest.hash)
    this.#memory.learn(declared, live)
    this.#seeStamps(tracked, declared, live)
    const unfinished = bearsOurName(live) || (source.heal === 'revert' && isOwnerless(live, declared))
    return unfinished ? this.#finish(key, declared, manifest, live) : undefined
  }

  /** A difference went away without a repair. What the agent did on its way is nobody's change, and not told. */
  #isUndone(key: string, declared: Declared, { told, finding, manifest }: Trouble): void {
    this.#troubles.delete(key)
    const asked = finding.reason === 'ask' && finding.drift === 'modified'
    if (told || (asked && manifest === declared.manifest.hash))
      this.#options.tell({ event: 'undone', finding })
  }

  #isMissing(key: string, declared: Declared, event: LiveEvent): Promise<Again | undefined> {
    const { manifest, source } = declared
    const { ref } = manifest
    const tracked = this.#track(key)
    const { last } = event
    const remains = last && this.#remains(declared, last, tracked)
    if (last !== undefined && isFinishedJob(last)) this.#finished.set(key, manifest.hash)
    tracked.status = 'missing'
    tracked.resourceVersion = ''
    const now = this.#clock.now()
    const deleter = this.#options.ledger.deleterOf(ref, now, this.#grace(source.name))
    const trouble = this.#troubles.find(
      key,
      `missing ${manifest.hash}`,
      {
        ref,
        apiVersion: manifest.object.apiVersion,
        drift: 'missing',
        source: source.name,
        changes: [],
        actor: deleter?.actor ?? { username: '', groups: [], authenticated: false },
        seenAt: event.at,
        ...(deleter === undefined ? {} : { writtenAt: deleter.time }),
      },
      manifest,
    )
    if (remains !== undefined) trouble.remains = remains
    // It was there since Git was asked, and the agent may have pruned it.
    if (last !== undefined && (trouble.answer?.asked ?? event.at) < event.at) trouble.answer = undefined
    return this.#decide(key, declared, trouble, {
      writer: deleter === undefined ? 'unknown' : isAgentOf(deleter.actor, source) ? 'agent' : 'person',
      pending: this.#history.earlier(key).some((earlier) => earlier.manifest === undefined),
      agentLike: true,
      ours: false,
      event,
      live: undefined,
      repair: () => this.#restorer.create({ key, declared, trouble }),
    })
  }

  /** Marks of the agent that somebody took away. While a commit is on its way the agent brings them along. */
  #lost(key: string, live: KubeObject): FieldChange[] {
    const seen = this.#tracked.get(key)?.stamps
    return seen === undefined || this.#history.earlier(key).length > 0 ? [] : lostStamps(live, seen)
  }

  #withLost(key: string, base: Base, lost: readonly FieldChange[]): Base {
    const seen = this.#tracked.get(key)?.stamps
    if (seen === undefined || lost.length === 0) return base
    const { canonical, differences } = base
    const places = new Set(lost.map(({ path }) => pathKey(path)))
    return {
      ...base,
      canonical: { ...canonical, object: stamped(canonical.object, seen.stamps) },
      differences: {
        changes: [...differences.changes, ...lost],
        covered: differences.covered.filter(({ change }) => !places.has(pathKey(change.path))),
      },
    }
  }

  #seeStamps(tracked: Tracked, declared: Declared, live: KubeObject): void {
    const isAgent = (manager: string) =>
      manager !== guardManager && this.#memory.mayBeAgent(declared, manager)
    tracked.stamps = seenStamps(live, declared.source.agents, isAgent)
  }

  /** As Git says, and on its way out: a finalizer that nobody takes away may hold it so for ever. */
  #isLeaving(
    key: string,
    declared: Declared,
    live: KubeObject,
    event: LiveEvent,
  ): Promise<Again | undefined> {
    const { manifest, source } = declared
    const deleter = this.#options.ledger.deleterOf(manifest.ref, this.#clock.now(), this.#grace(source.name))
    const trouble = this.#troubles.find(
      key,
      `leaving ${manifest.hash}`,
      {
        ref: manifest.ref,
        apiVersion: manifest.object.apiVersion,
        drift: 'modified',
        source: source.name,
        changes: [],
        actor: deleter?.actor ?? { username: '', groups: [], authenticated: false },
        seenAt: event.at,
      },
      manifest,
    )
    this.#track(key).status = 'modified'
    return this.#decide(key, declared, trouble, {
      writer: 'unknown',
      pending: false,
      agentLike: true,
      ours: false,
      event,
      live,
      // What terminates is never written.
      repair: () => Promise.resolve({}),
    })
  }

  async #isModified(
    key: string,
    declared: Declared,
    live: KubeObject,
    newest: Base,
    event: LiveEvent,
  ): Promise<Again | undefined> {
    const { manifest, source } = declared
    const earlier = this.#history.earlier(key)
    const nearest =
      earlier.length === 0
        ? newest
        : await this.#comparison.nearest(this.#policy, declared, live, newest, earlier)
    const pending = nearest.differences.changes.length === 0
    // An earlier form that nobody touched differs from the newest one only: that is what would be repaired.
    const base = pending ? newest : nearest
    const { changes } = base.differences
    const { ledger } = this.#options
    const { actor, writtenAt, writer } = attribute(changes, { declared, live, ledger, memory: this.#memory })
    const trouble = this.#troubles.find(
      key,
      `modified ${manifest.hash} ${signatureOf(changes)}`,
      {
        ref: manifest.ref,
        apiVersion: manifest.object.apiVersion,
        drift: 'modified',
        source: source.name,
        changes,
        actor,
        seenAt: event.at,
        ...(writtenAt === undefined ? {} : { writtenAt }),
      },
      manifest,
    )
    this.#track(key).status = pending ? 'pending' : 'modified'
    return this.#decide(key, declared, trouble, {
      writer: pending ? 'unknown' : writer,
      pending,
      agentLike: this.#isAgentLike(declared, live, changes),
      event,
      ours: pending && this.#history.wroteBefore(key, source.name, nearest.manifest),
      live,
      repair: () => this.#restorer.putBack(this.#policy, { key, declared, trouble }, base, live),
    })
  }

  async #decide(
    key: string,
    declared: Declared,
    trouble: Trouble,
    question: Question,
  ): Promise<Again | undefined> {
    const { finding } = trouble
    // Whether the agent is done with this commit says if live lags or was set back: ask before calling it pending.
    const decision: Decision =
      question.pending && trouble.answer === undefined && question.event.bringing === undefined
        ? { remedy: 'wait', reason: 'pending', ask: true }
        : decideRemedy(this.#facts(key, declared, trouble, question))
    finding.remedy = decision.remedy
    finding.reason = decision.reason
    // What is there shows what changed since Git was asked; what is gone does not: such an answer serves one decision.
    if (finding.drift === 'missing' && !decision.ask) trouble.answer = undefined
    if (decision.ask) {
      if (trouble.answer === undefined) {
        const since = Math.max(finding.seenAt, question.event.trueAt ?? 0)
        const when = this.#ahead.ask(declared.source.name, since).then((answer) => {
          if (answer.standing !== 'moved') trouble.answer = answer
        })
        return { when, keep: true }
      }
      trouble.answer = undefined
    } else if (decision.remedy === 'repair') {
      return this.#carriedOut(key, declared, trouble, await question.repair())
    } else {
      this.#settle(key, trouble, decision)
    }
    return decision.recheckAfterMs === undefined ? undefined : { afterMs: decision.recheckAfterMs }
  }

  /** Notes and tells what a decision not to repair means. */
  #settle(key: string, trouble: Trouble, { remedy, reason }: Decision): void {
    const { finding } = trouble
    const tracked = this.#track(key)
    switch (reason) {
      case 'agent-lags':
        if (remedy === 'alert') {
          this.#lagging.add(key)
          this.#options.tell({ event: 'agent-lags', finding })
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
        this.#troubles.delete(key)
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
        if (this.#clock.now() - finding.seenAt >= this.#grace(finding.source))
          this.#restorer.tellDrift(trouble)
        break
      default:
        if (remedy === 'nudge' && !trouble.told) this.#options.tell({ event: 'nudge', finding })
        this.#restorer.tellDrift(trouble)
    }
  }

  async #carriedOut(
    key: string,
    declared: Declared,
    trouble: Trouble,
    { again, restored, refused, namespaceTerminating }: Outcome,
  ): Promise<Again | undefined> {
    const { finding } = trouble
    if (namespaceTerminating) this.#terminating.set(finding.ref.namespace, this.#clock.now() + 5_000)
    if (refused !== undefined) {
      if (refused.immutable && declared.source.recreate && finding.drift === 'modified') {
        return { when: Promise.resolve() }
      }
      this.#track(key).status = 'unrepairable'
      finding.remedy = 'none'
      finding.reason = 'unrepairable'
      this.#options.tell({ event: 'unrepairable', finding, ...refused })
    }
    if (restored === undefined) return again
    const { manifest, after } = restored
    const newest = manifest === declared.manifest
    const tracked = this.#track(key)
    note(tracked, after)
    tracked.status = newest ? 'inSync' : 'pending'
    tracked.equalIn = newest && !this.#comparison.isAccepted(key) ? this.#options.forms.epoch : -1
    const now = this.#clock.now()
    if (newest) this.#history.arrived(key)
    this.#history.wrote(key, manifest.hash, now)
    this.#fights.repaired(key, relapseOf(trouble, now))
    this.#troubles.delete(key)
    this.#tellEndedFights(now)
    if (finding.drift === 'missing') this.#wakeDependents(manifest)
    const remains = trouble.remains
    return this.#finish(key, declared, manifest, after, remains)
  }

  async #finish(
    key: string,
    declared: Declared,
    manifest: Manifest,
    live: KubeObject,
    remains?: Remains,
  ): Promise<Again | undefined> {
    const { after, newer } = await this.#restorer.finish(key, declared, manifest, live, remains)
    if (newer) return { when: Promise.resolve() }
    const tracked = this.#track(key)
    note(tracked, after)
    if (tracked.status !== 'pending') {
      this.#memory.learn(declared, after)
      this.#seeStamps(tracked, declared, after)
    }
    return tracked.status === 'pending' ? { afterMs: this.#grace(declared.source.name) } : undefined
  }

  // --- facts ---

  #facts(key: string, declared: Declared, trouble: Trouble, question: Question): Facts {
    const { source, manifest } = declared
    const now = this.#clock.now()
    const { finding, answer, refused } = trouble
    const facts: Facts = {
      drift: finding.drift,
      heal: source.heal,
      now,
      since: finding.seenAt,
      graceMs: this.#grace(source.name),
      writer: question.writer,
    }
    if (answer !== undefined && answer.standing !== 'moved') facts.standing = answer.standing
    const pending = this.#pending(key, declared, { question, answer, seenAt: finding.seenAt })
    if (pending !== undefined) facts.pending = pending
    const breakGlass = breakGlassUntil(this.#policy, manifest.ref, now)
    if (breakGlass !== undefined) facts.breakGlassUntil = breakGlass
    if ((this.#terminating.get(manifest.ref.namespace) ?? 0) > now) facts.namespaceTerminating = true
    if (question.live !== undefined && isLeaving(question.live)) facts.terminating = true
    if (hasTtl(manifest.object) && this.#finished.get(key) === manifest.hash) facts.finished = true
    if (comesAndGoes(manifest.object)) facts.comesAndGoes = true
    if (refused !== undefined) facts.refused = refused.why
    if (source.recreate && refused?.immutable) facts.recreate = true
    if (this.#options.nudges?.(source.name)) facts.nudge = true
    const heldUntil = this.#heldUntil(key, trouble, now)
    if (heldUntil !== undefined) facts.heldUntil = heldUntil
    return facts
  }

  #heldUntil(key: string, trouble: Trouble, now: number): number | undefined {
    const fight = this.#fights.before(key, relapseOf(trouble, now))
    if (fight?.began) {
      const { finding } = trouble
      const writers: [string, string] = [this.#policy.guard.username, fight.writer]
      this.#options.tell({ event: 'fight', finding, writers, rounds: fight.rounds, resumesAt: fight.until })
    }
    return fight?.until
  }

  #pending(
    key: string,
    declared: Declared,
    { question, answer, seenAt }: { question: Question; answer: Answer | undefined; seenAt: number },
  ): Facts['pending'] {
    const source = declared.source.name
    const inForce = this.#history.inForce(source)
    if (inForce === undefined) return undefined
    if (this.#options.isAgent?.(source)) return this.#bringing(declared, question)
    const progress = answer?.progress
    const here = progress?.revision === inForce.revision
    // The API server may refuse its agent what it would not refuse the guard: only what the agent has brought in is put back.
    if (declared.source.limited && this.#track(key).arrived !== declared.manifest.hash) {
      const suspended = progress?.state === 'suspended'
      return { since: seenAt, suspended, told: this.#lagging.has(key), ours: false }
    }
    // The agent is done with this commit: what is not as it says was set back.
    if (here && progress?.state === 'applied') return undefined
    const about = {
      suspended: progress?.state === 'suspended',
      told: this.#lagging.has(key),
      ours: question.ours,
    }
    if (question.pending) {
      const since = here && progress?.state === 'applying' ? progress.at : undefined
      return { since: since ?? this.#history.earlier(key).at(-1)?.replacedAt ?? 0, ...about }
    }
    if (!question.agentLike || (question.writer !== 'unknown' && question.writer !== 'agent'))
      return undefined
    // The first commit that the guard sees may be one that the agent is just bringing in; and until it was seen to be at
    // the newest one, it may be bringing in one that the guard passed over.
    const arrived = (this.#tracked.get(key)?.equalIn ?? -1) !== -1
    const since =
      inForce.first && !arrived ? inForce.committedAt : this.#history.earlier(key).at(-1)?.replacedAt
    const young = since !== undefined && this.#clock.now() - since < this.#grace(source)
    return young ? { since, ...about } : undefined
  }

  /**
   * What the guard is about to bring in is left to that. Where it cannot be brought in, people's changes of what is there are still
   * taken back.
   */
  #bringing({ source, manifest }: Declared, question: Question): Facts['pending'] {
    const { pending, writer, live } = question
    const bringing = this.#options.bringing?.(source.name, manifest.ref) ?? question.event.bringing
    const byPeople = !pending && live !== undefined && (writer === 'person' || writer === 'other-manager')
    if (bringing === undefined || (bringing === 'failed' && byPeople)) return undefined
    return { since: this.#clock.now(), suspended: false, told: true, ours: false }
  }

  #isAgentLike(declared: Declared, live: KubeObject, changes: readonly FieldChange[]): boolean {
    const theirs = this.#memory.writerOf(declared, live)?.manager
    return ownersOf(readManagedFields(live), changes).managers.every((manager) => manager === theirs)
  }

  #remains(declared: Declared, last: KubeObject, tracked: Tracked): Remains {
    const writer = this.#memory.writerOf(declared, last)
    const stamps = readStamps(last, declared.manifest.object)
    const wasEqual = tracked.equalIn === this.#options.forms.epoch
    const isTheirs = (entry: { manager: string; operation: string; subresource: string }) =>
      entry.manager === writer?.manager && entry.operation === writer.operation && entry.subresource === ''
    return { writer, stamps, entry: wasEqual ? readManagedFields(last).find(isTheirs) : undefined }
  }

  // --- memory ---

  #track(key: string): Tracked {
    let tracked = this.#tracked.get(key)
    if (tracked === undefined) this.#tracked.set(key, (tracked = new Tracked()))
    return tracked
  }

  #forget(key: string): void {
    this.#tracked.delete(key)
    this.#troubles.delete(key)
    this.#comparison.forget(key)
    this.#history.forget(key)
    this.#undeclared.forget(key)
    this.#others.delete(key)
    this.#finished.delete(key)
    this.#said.delete(key)
    this.#lagging.delete(key)
    this.#fights.forget(key)
  }

  /** Whether this was not said of the object yet. */
  #isNews(key: string, what: string): boolean {
    if (this.#said.get(key) === what) return false
    this.#said.set(key, what)
    return true
  }

  #tellEndedFights(now: number): void {
    for (const key of this.#fights.ended(now)) {
      const ref = refOfKey(key)
      const source = this.#policy.declared(ref)?.source.name
      if (source !== undefined) this.#options.tell({ event: 'fight-ended', ref, source })
    }
  }

  /** A namespace or a kind is there again: what waited for it is tried at once. */
  #wakeDependents({ ref, object }: Manifest): void {
    if (ref.group === '' && ref.kind === 'Namespace') {
      this.#wake(this.#policy.declaredIn(ref.name))
    } else if (ref.kind === 'CustomResourceDefinition') {
      const group = fieldOf(object['spec'], 'group')
      const kind = fieldOf(fieldOf(object['spec'], 'names'), 'kind')
      this.#wake(this.#policy.declaredOf(String(group), String(kind)))
    }
  }

  #wake(waiting: Iterable<Declared>): void {
    for (const { manifest } of waiting) {
      const key = refKey(manifest.ref)
      const status = this.#tracked.get(key)?.status
      if (status === 'missing' || status === 'pending') this.#queue.add(key)
    }
  }

  #observeNamespace(type: WatchEvent, object: KubeObject): void {
    const name = textAt(object, 'name')
    if (!isDeleted(type) && object.metadata['deletionTimestamp'] !== undefined) {
      this.#terminating.set(name, Number.POSITIVE_INFINITY)
    } else if (this.#terminating.delete(name)) {
      this.#wake(this.#policy.declaredIn(name))
    }
  }

  #grace(source: string): number {
    return this.#options.graceMs?.(source) ?? 60_000
  }
}

function note(tracked: Tracked, live: KubeObject): void {
  tracked.resourceVersion = textAt(live, 'resourceVersion')
}

function kindOf({ group, kind }: ObjectRef): string {
  return `${group}/${kind}`
}
