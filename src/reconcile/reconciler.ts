import { createHash, randomUUID } from 'node:crypto'
import type { Canonical, Manifest } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Allowance, Declared, Policy, SourcePolicy } from '../model/policy.ts'
import { AgentMemory } from './agent-memory.ts'
import { guardManager } from './agent-writer.ts'
import type { AgentWriter } from './agent-writer.ts'
import { Ahead } from './ahead.ts'
import type { Answer, Progress, Refresh, Tip } from './ahead.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import type { Finding, ReconcileEvent, Status } from './events.ts'
import { Fights } from './fights.ts'
import type { Relapse } from './fights.ts'
import { installRank } from './install-rank.ts'
import type { Ledger } from './ledger.ts'
import { readManagedFields } from './managed-fields.ts'
import type { ManagedEntry } from './managed-fields.ts'
import type { Objects } from './objects.ts'
import { ownersOf } from './owners.ts'
import { OwnWrites } from './own-writes.ts'
import { pathElements } from './path-elements.ts'
import { WorkQueue } from './queue.ts'
import type { Again } from './queue.ts'
import { readRefusal } from './refusal.ts'
import { decideRemedy } from './remedy.ts'
import type { Decision, Facts, Writer } from './remedy.ts'
import { Repairer } from './repair.ts'
import type { Stamps } from './stamps.ts'
import { readStamps } from './stamps.ts'
import { Tracked } from './tracked.ts'
import { refOfKey } from './keys.ts'
import { refKey, refOf } from '../object/identity.ts'
import { pathKey } from '../object/path.ts'
import { stableStringify } from '../object/json.ts'
import { isAgentOf } from '../policy/agents.ts'
import { compare } from '../drift/compare.ts'
import { exemptFromUndeclared } from './undeclared.ts'

/** What the API server would store: as src/cluster answers. */
export type Form = { canonical: Canonical } | { pending: string; retryAfterMs?: number } | { invalid: string }

/** Asks the API server what it would store. */
export interface Forms {
  form(manifest: Manifest): Promise<Form>
  /**
   * The answer to a dry-run PUT of the manifest on the live object; undefined where the API server refuses it, so that
   * it says nothing.
   */
  confirm(manifest: Manifest, live: KubeObject): Promise<KubeObject | undefined>
  /** Counts up whenever admission, a kind's schema or the server changed. */
  readonly epoch: number
}

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
  /** The allowances that the watcher compares this object with. */
  allowances: (policy: Policy, declared: Declared) => readonly Allowance[]
  progress: Progress
  git: Tip & Refresh
  ledger: Ledger
  tell: (event: ReconcileEvent) => void
  clock?: Clock
  /** Time that an agent gets for what may be its own doing, in milliseconds. */
  graceMs?: (source: string) => number
  /** Whether this replica acts on the object: others do on the rest. */
  owns?: (key: string) => boolean
  /** Sources whose agent is asked to reconcile instead of being overwritten. */
  nudges?: (source: string) => boolean
  /** The guard brings this source in itself: no agent is waited for. */
  isAgent?: (source: string) => boolean
  /** Objects that are worked on at the same time. */
  workers?: number
  random?: () => number
  onWorked?: (waitedMs: number, workedMs: number, error: unknown) => void
}

interface LiveEvent {
  /** The newest object; undefined where it is gone, or where only the key is known and `read` says to get it. */
  object: KubeObject | undefined
  read: boolean
  /** The object as it was when it was deleted. */
  last?: KubeObject | undefined
  /** When it was received, in milliseconds since the epoch. */
  at: number
}

/** What is remembered of an object while it differs. */
interface Trouble {
  signature: string
  /** Hash of the manifest in force when it was found. */
  manifest: string
  finding: Finding
  told: boolean
  answer: Answer | undefined
  /** The repair that the API server refused, and why. */
  refused: { why: string; immutable: boolean; told: boolean } | undefined
  remains: Remains | undefined
  attempts: number
}

/** What a deleted object tells of how its agent made it. */
interface Remains {
  writer: AgentWriter | undefined
  stamps: Stamps
  /** The agent's entry in its managedFields, if it was as Git says. */
  entry: ManagedEntry | undefined
}

/** An earlier form of an object that the agent may still be at; no manifest: it was not declared. */
interface Earlier {
  manifest: Manifest | undefined
  until: number
}

const earlierForms = 12

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
  readonly #repairer: Repairer
  readonly #memory = new AgentMemory()
  readonly #fights = new Fights()
  readonly #own = new OwnWrites()
  #policy: Policy

  readonly #tracked = new Map<string, Tracked>()
  readonly #undeclared = new Map<string, Tracked>()
  readonly #troubles = new Map<string, Trouble>()
  /** Differences from the canonical form that the API server confirmed to be its own, by object. */
  readonly #confirmed = new Map<string, { epoch: number; signature: string }>()
  readonly #earlier = new Map<string, Earlier[]>()
  /** Which manifest the guard itself wrote last, and when: a newer commit may have been there already. */
  readonly #wrote = new Map<string, { hash: string; at: number }>()
  /** Jobs that finished at this manifest. */
  readonly #finished = new Map<string, string>()
  /** What was said once about a manifest. */
  readonly #said = new Map<string, string>()
  readonly #lagged = new Set<string>()
  readonly #revisions = new Map<
    string,
    { revision: string; past: Set<string>; committedAt: number; first: boolean }
  >()
  readonly #lists = new Map<string, number>()
  readonly #terminatingNamespaces = new Map<string, number>()

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#policy = options.policy
    this.#clock = options.clock ?? systemClock
    this.#repairer = new Repairer(options.objects)
    this.#ahead = new Ahead({
      clock: this.#clock,
      progress: options.progress,
      git: options.git,
      revision: (source) => this.#revisions.get(source)?.revision,
      known: (source, revision) => this.#revisions.get(source)?.past.has(revision) ?? false,
    })
    this.#queue = new WorkQueue<LiveEvent>({
      clock: this.#clock,
      workers: options.workers ?? 32,
      backoff: { first: 200, longest: 60_000 },
      ...(options.random === undefined ? {} : { random: options.random }),
      ...(options.onWorked === undefined ? {} : { onWorked: options.onWorked }),
      onFailed: (key, error, retryMs) => {
        const message = error instanceof Error ? error.message : String(error)
        options.tell({ event: 'failed', ref: refOfKey(key), message, retryMs })
      },
      work: (key, event) => this.#work(key, event),
    })
  }

  /** Puts a policy in force. What Git declares in it is announced by `desiredChanged`. */
  setPolicy(policy: Policy): void {
    this.#policy = policy
  }

  /** A source's commit is in force. Call it after `setPolicy` with the policy that holds it. */
  desiredChanged(change: DesiredChange): void {
    const { source, revision, committedAt } = change
    const now = this.#clock.now()
    const before = this.#revisions.get(source)
    const past = before?.past ?? new Set<string>()
    past.add(revision)
    if (past.size > 500) past.delete(past.values().next().value!)
    this.#revisions.set(source, { revision, past, committedAt, first: before === undefined })
    const until = now + this.#grace(source)
    const later = before !== undefined
    for (const ref of change.removed) this.#forget(refKey(ref))
    for (const { ref, before: manifest } of change.changed) {
      const key = refKey(ref)
      if (later) this.#addEarlier(key, { manifest, until })
      this.#confirmed.delete(key)
      this.#finished.delete(key)
      this.#lagged.delete(key)
      const tracked = this.#tracked.get(key)
      if (tracked !== undefined) tracked.equalIn = -1
      this.#queue.add(key)
    }
    for (const ref of change.added) {
      const key = refKey(ref)
      if (later) this.#addEarlier(key, { manifest: undefined, until })
      if (!this.#tracked.has(key)) this.#tracked.set(key, new Tracked())
      if (later) this.#queue.add(key)
    }
    this.#compareAgain(source)
  }

  /** What the watch says of an object: ADDED, MODIFIED or DELETED. */
  observe(type: string, object: KubeObject): void {
    const ref = refOf(object)
    const key = refKey(ref)
    if (ref.kind === 'Namespace' && ref.group === '') this.#observeNamespace(type, object)
    if (this.#policy.declared(ref) === undefined) return
    const at = this.#clock.now()
    if (type === 'DELETED') {
      this.#queue.add(key, { object: undefined, read: false, last: object, at })
      return
    }
    const tracked = this.#track(key)
    tracked.list = this.#lists.get(kindOf(ref)) ?? 0
    const version = text(object.metadata['resourceVersion'])
    // A list brings what is known, our own writes come back as events: neither needs another look.
    if (tracked.resourceVersion === version && tracked.equalIn === this.#options.forms.epoch) return
    if (this.#own.has(key, version)) return
    this.#queue.add(key, { object, read: false, at })
  }

  /** A full list of a kind begins; what it holds comes through `observe`, then `synced` says that it is complete. */
  listing({ group, kind }: { group: string; kind: string }): void {
    const name = `${group}/${kind}`
    this.#lists.set(name, (this.#lists.get(name) ?? 0) + 1)
  }

  /**
   * A full list of a kind is complete: what Git declares and the list did not hold is missing. `seen` says what it
   * held, where `listing` was not called before it.
   */
  synced({ group, kind }: { group: string; kind: string }, seen?: { has(key: string): boolean }): void {
    const at = this.#clock.now()
    const list = this.#lists.get(`${group}/${kind}`) ?? 0
    const missing: string[] = []
    for (const { manifest } of this.#policy.declaredOf(group, kind)) {
      const key = refKey(manifest.ref)
      const there = seen === undefined ? this.#track(key).list === list && list > 0 : seen.has(key)
      if (!there) missing.push(key)
    }
    missing.sort((a, b) => installRank(refOfKey(a)) - installRank(refOfKey(b)))
    for (const key of missing) {
      this.#track(key).resourceVersion = ''
      this.#queue.add(key, { object: undefined, read: true, at })
    }
  }

  /** What a metadata-only watch says of an object, for sources that do not allow what Git does not name. */
  observeUndeclared(type: string, object: KubeObject): void {
    const ref = refOf(object)
    const key = refKey(ref)
    if (type === 'DELETED' || !this.#isUndeclared(ref, object)) {
      if (this.#undeclared.delete(key)) this.#queue.add(key)
      return
    }
    const tracked = this.#undeclared.get(key) ?? new Tracked()
    tracked.status = 'undeclared'
    this.#undeclared.set(key, tracked)
    this.#queue.add(key, { object, read: false, at: this.#clock.now() })
  }

  /** Compares an object again, from the API server's answer. */
  check(ref: ObjectRef): void {
    this.#queue.add(refKey(ref), { object: undefined, read: true, at: this.#clock.now() })
  }

  /** Compares whatever comes next of every object, known or not: after a change of configuration, before a new list. */
  forgetVersions(): void {
    for (const tracked of this.#tracked.values()) tracked.resourceVersion = ''
  }

  /** Reads and compares everything that Git declares again. */
  checkAll(): void {
    const at = this.#clock.now()
    for (const key of this.#tracked.keys()) this.#queue.add(key, { object: undefined, read: true, at })
  }

  statusOf(ref: ObjectRef): Status | undefined {
    const key = refKey(ref)
    return (this.#undeclared.get(key) ?? this.#tracked.get(key))?.status
  }

  /** The difference that an object stands in, if it does. */
  findingOf(ref: ObjectRef): Finding | undefined {
    return this.#troubles.get(refKey(ref))?.finding
  }

  *statuses(): Iterable<{ ref: ObjectRef; status: Status }> {
    for (const [key, { status }] of this.#tracked) yield { ref: refOfKey(key), status }
    for (const [key, { status }] of this.#undeclared) yield { ref: refOfKey(key), status }
  }

  /** How many objects stand where, and how much is waiting. */
  counts(): { statuses: Map<Status, number>; queue: WorkQueue<LiveEvent>['sizes']; fights: number } {
    const statuses = new Map<Status, number>()
    for (const { status } of this.statuses()) statuses.set(status, (statuses.get(status) ?? 0) + 1)
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
    const ref = refOfKey(key)
    const declared = this.#policy.declared(ref)
    if (this.#options.owns !== undefined && !this.#options.owns(key)) return undefined
    if (declared === undefined) {
      if (this.#undeclared.has(key)) return this.#examineUndeclared(key, ref, event)
      this.#forget(key)
      return undefined
    }
    const live = event?.object
    if (live !== undefined) {
      const version = text(live.metadata['resourceVersion'])
      if (this.#own.has(key, version)) return undefined
      const canonical = declared.canonical()
      if (canonical !== undefined && this.#differences(declared, canonical, live).length === 0) {
        if (this.#confirmed.size > 0) this.#confirmed.delete(key)
        return this.#isEqual(key, declared, live, canonical)
      }
    }
    return this.#examine(key, declared, event ?? { object: undefined, read: true, at: this.#clock.now() })
  }

  async #examine(key: string, declared: Declared, event: LiveEvent): Promise<Again | undefined> {
    const live = event.read
      ? await this.#options.objects.get(targetOfManifest(declared.manifest))
      : event.object
    const canonical = await this.#canonical(key, declared, live)
    if (canonical === undefined) return undefined
    if (!('object' in canonical)) {
      // Its namespace or its kind may be what is missing; a POST says so, or creates it.
      return live === undefined ? this.#isMissing(key, declared, event) : { afterMs: canonical.retryAfterMs }
    }
    if (live === undefined) return this.#isMissing(key, declared, event)
    const changes = await this.#confirmedDifferences(key, declared, canonical, live)
    if (changes.length === 0) return this.#isEqual(key, declared, live, canonical)
    return this.#isModified(key, declared, canonical, live, changes, event)
  }

  /** The canonical form; else when to ask again; undefined where the manifest is invalid. */
  async #canonical(
    key: string,
    declared: Declared,
    live: KubeObject | undefined,
  ): Promise<Canonical | { retryAfterMs: number } | undefined> {
    const known = declared.canonical()
    if (known !== undefined) return known
    const { manifest, source } = declared
    const form = await this.#options.forms.form(manifest)
    if ('canonical' in form) return form.canonical
    const tracked = this.#track(key)
    if (live !== undefined) note(tracked, live)
    if ('pending' in form) {
      tracked.status = 'pending'
      return { retryAfterMs: form.retryAfterMs ?? 5_000 }
    }
    tracked.status = 'invalid'
    if (this.#sayOnce(key, `invalid ${manifest.hash} ${form.invalid}`)) {
      const { ref, origin } = manifest
      this.#options.tell({ event: 'invalid', ref, source: source.name, origin, message: form.invalid })
    }
    return undefined
  }

  #differences(declared: Declared, canonical: Canonical, live: KubeObject): readonly FieldChange[] {
    const { ref, object } = declared.manifest
    return compare(canonical, live, {
      shape: declared.shape(),
      allowances: this.#options.allowances(this.#policy, declared),
      manifest: object,
      writerOf: (path, value) => this.#options.ledger.writerOf(ref, path, value),
    }).changes
  }

  /**
   * Differences from what the API server would store now as well. An object that was equal to its canonical form
   * under this admission needs no second answer: then the repair is one write.
   */
  async #confirmedDifferences(
    key: string,
    declared: Declared,
    canonical: Canonical,
    live: KubeObject,
  ): Promise<readonly FieldChange[]> {
    const changes = this.#differences(declared, canonical, live)
    const { epoch } = this.#options.forms
    if (changes.length === 0 || this.#track(key).equalIn === epoch) return changes
    const accepted = this.#confirmed.get(key)
    const signature = signatureOf(changes)
    if (accepted?.epoch === epoch && accepted.signature === signature) return []
    const answer = await this.#options.forms.confirm(declared.manifest, live)
    if (answer === undefined) return changes
    const still = new Set(
      this.#differences(declared, { ...canonical, object: answer }, live).map(({ path }) => pathKey(path)),
    )
    const confirmed = changes.filter(({ path }) => still.has(pathKey(path)))
    if (confirmed.length === 0) this.#confirmed.set(key, { epoch, signature })
    return confirmed
  }

  #isEqual(
    key: string,
    declared: Declared,
    live: KubeObject,
    canonical: Canonical,
  ): Again | undefined | Promise<Again | undefined> {
    const tracked = this.#track(key)
    note(tracked, live)
    tracked.equalIn = this.#confirmed.has(key) ? -1 : this.#options.forms.epoch
    tracked.status = canonical.unattainable.length > 0 ? 'unattainable' : 'inSync'
    if (this.#troubles.size > 0) this.#undone(key)
    if (this.#earlier.size > 0) this.#earlier.delete(key)
    if (this.#lagged.size > 0) this.#lagged.delete(key)
    const { manifest, source } = declared
    if (tracked.status === 'unattainable' && this.#sayOnce(key, `unattainable ${manifest.hash}`)) {
      const { ref, origin } = manifest
      const fields = canonical.unattainable
      this.#options.tell({ event: 'unattainable', ref, source: source.name, origin, fields })
    }
    if (isFinishedJob(live)) this.#finished.set(key, manifest.hash)
    this.#memory.learn(declared, live)
    if (bearsOurName(live)) return this.#finish(key, declared, live)
    return undefined
  }

  /** A difference went away without a repair. */
  #undone(key: string): void {
    const trouble = this.#troubles.get(key)
    if (trouble === undefined) return
    this.#troubles.delete(key)
    // What the agent did on its way is nobody's change; what was still asked about under the same commit was one.
    const { reason, drift, ref } = trouble.finding
    const same = this.#policy.declared(ref)?.manifest.hash === trouble.manifest
    const asked = reason === 'ask' && drift === 'modified' && same
    if (trouble.told || asked) this.#options.tell({ event: 'undone', finding: trouble.finding })
  }

  async #isMissing(key: string, declared: Declared, event: LiveEvent): Promise<Again | undefined> {
    const tracked = this.#track(key)
    tracked.resourceVersion = ''
    const { manifest, source } = declared
    if (event.last !== undefined && isFinishedJob(event.last)) this.#finished.set(key, manifest.hash)
    const trouble = this.#trouble(key, declared, 'missing', [], event, undefined)
    if (event.last !== undefined) trouble.remains = this.#remains(declared, event.last, tracked)
    const earlier = this.#earlierOf(key)
    const pending = earlier.some((form) => form.manifest === undefined)
    const deleter = this.#options.ledger.deleterOf(manifest.ref, this.#clock.now(), 60_000)
    const writer: Writer =
      deleter === undefined ? 'unknown' : isAgentOf(deleter.actor, source) ? 'agent' : 'person'
    if (deleter !== undefined) trouble.finding.actor = deleter.actor
    tracked.status = 'missing'
    return this.#decide(key, declared, trouble, event, {
      writer,
      pendingForm: pending,
      ours: false,
      live: undefined,
      repair: (agentFacts) => this.#create(key, declared, trouble, agentFacts),
    })
  }

  async #isModified(
    key: string,
    declared: Declared,
    canonical: Canonical,
    live: KubeObject,
    changes: readonly FieldChange[],
    event: LiveEvent,
  ): Promise<Again | undefined> {
    const tracked = this.#track(key)
    note(tracked, live)
    const base = await this.#nearest(key, declared, canonical, live, changes)
    if (base.changes.length === 0) {
      const trouble = this.#trouble(key, declared, 'modified', changes, event, live)
      tracked.status = 'pending'
      const ours = base.manifest !== undefined && this.#wroteBefore(key, declared, base.manifest)
      return this.#decide(key, declared, trouble, event, {
        writer: 'unknown',
        pendingForm: true,
        ours,
        live,
        repair: () => this.#putBack(key, declared, declared.manifest, canonical, live, changes, trouble),
      })
    }
    const trouble = this.#trouble(key, declared, 'modified', base.changes, event, live)
    tracked.status = 'modified'
    return this.#decide(key, declared, trouble, event, {
      writer: this.#writer(declared, live, base.changes),
      pendingForm: false,
      ours: false,
      live,
      repair: () =>
        this.#putBack(
          key,
          declared,
          base.manifest ?? declared.manifest,
          base.canonical,
          live,
          base.changes,
          trouble,
        ),
    })
  }

  /** Whether the guard put this older form there when the newer commit may have been made already. */
  #wroteBefore(key: string, declared: Declared, older: Manifest): boolean {
    const wrote = this.#wrote.get(key)
    if (wrote?.hash !== older.hash) return false
    return wrote.at >= (this.#revisions.get(declared.source.name)?.committedAt ?? 0) - 60_000
  }

  /**
   * While the agent may not have brought the newest commit, live is compared with what Git said before as well: the
   * form that it is nearest to is the one that the agent is at, and what differs from that one is somebody's doing.
   */
  async #nearest(
    key: string,
    declared: Declared,
    canonical: Canonical,
    live: KubeObject,
    changes: readonly FieldChange[],
  ): Promise<{ manifest: Manifest | undefined; canonical: Canonical; changes: readonly FieldChange[] }> {
    let nearest: { manifest: Manifest | undefined; canonical: Canonical; changes: readonly FieldChange[] } = {
      manifest: undefined,
      canonical,
      changes,
    }
    for (const { manifest } of this.#earlierOf(key).toReversed()) {
      if (manifest === undefined) continue
      const form = await this.#options.forms.form(manifest)
      if (!('canonical' in form)) continue
      const before: Declared = { ...facade(declared), manifest, canonical: () => form.canonical }
      const differs = this.#differences(before, form.canonical, live)
      if (differs.length < nearest.changes.length)
        nearest = { manifest, canonical: form.canonical, changes: differs }
      if (differs.length === 0) break
    }
    return nearest
  }

  async #decide(
    key: string,
    declared: Declared,
    trouble: Trouble,
    event: LiveEvent,
    about: {
      writer: Writer
      pendingForm: boolean
      ours: boolean
      live: KubeObject | undefined
      repair: (decision: Decision) => Promise<Again | undefined>
    },
  ): Promise<Again | undefined> {
    const { source } = declared
    const { finding } = trouble
    const facts = this.#facts(key, declared, trouble, about)
    // Whether the agent is done with this commit says if live lags or was set back: ask before calling it pending.
    const decision: Decision =
      about.pendingForm && trouble.answer === undefined
        ? { remedy: 'wait', reason: 'ask', ask: true }
        : decideRemedy(facts)
    finding.remedy = decision.remedy
    finding.reason = decision.reason
    if (decision.ask === true && (trouble.answer === undefined || decision.recheckAfterMs === undefined)) {
      const when = this.#ahead.ask(source.name, finding.seenAt).then((answer) => {
        if (answer.standing !== 'moved') trouble.answer = answer
      })
      return { when, payload: event }
    }
    switch (decision.reason) {
      case 'pending':
      case 'agent-suspended':
        this.#track(key).status = 'pending'
        break
      case 'agent-lags':
        this.#track(key).status = 'pending'
        if (decision.remedy === 'alert' && !this.#lagged.has(key)) {
          this.#lagged.add(key)
          this.#options.tell({ event: 'agent-lags', finding })
        }
        break
      case 'finished':
      case 'comes-and-goes':
        this.#track(key).status = 'inSync'
        this.#troubles.delete(key)
        break
      case 'unrepairable':
        this.#track(key).status = 'unrepairable'
        break
      case 'fight':
        this.#track(key).status = 'fight'
        break
      case 'nudge':
        if (!trouble.told) this.#options.tell({ event: 'nudge', finding })
        this.#tellDrift(trouble)
        break
      case 'agent-ahead':
      case 'agent-acts':
      case 'git-unreachable':
      case 'namespace-terminating':
      case 'exempt':
        break
      default:
        if (decision.remedy === 'repair') return about.repair(decision)
        this.#tellDrift(trouble)
    }
    if (decision.ask === true && decision.recheckAfterMs !== undefined) trouble.answer = undefined
    return decision.recheckAfterMs === undefined ? undefined : { afterMs: decision.recheckAfterMs }
  }

  #facts(
    key: string,
    declared: Declared,
    trouble: Trouble,
    about: { writer: Writer; pendingForm: boolean; ours: boolean; live: KubeObject | undefined },
  ): Facts {
    const { source, manifest } = declared
    const now = this.#clock.now()
    const { finding, answer, refused } = trouble
    const graceMs = this.#grace(source.name)
    const facts: Facts = {
      drift: finding.drift,
      heal: source.heal,
      now,
      since: finding.seenAt,
      graceMs,
      writer: about.writer,
    }
    if (answer !== undefined && answer.standing !== 'moved') facts.standing = answer.standing
    const pending = this.#pendingSince(key, declared, about, answer)
    if (pending !== undefined) facts.pending = pending
    const breakGlass = breakGlassUntil(this.#policy, manifest.ref, now)
    if (breakGlass !== undefined) facts.breakGlassUntil = breakGlass
    if ((this.#terminatingNamespaces.get(manifest.ref.namespace) ?? 0) > now)
      facts.namespaceTerminating = true
    if (about.live?.metadata['deletionTimestamp'] !== undefined) facts.terminating = true
    if (finding.drift === 'missing') {
      if (isDoneJob(manifest.object, this.#finished.get(key) === manifest.hash)) facts.finished = true
      if (comesAndGoes(manifest.object)) facts.comesAndGoes = true
    }
    if (refused !== undefined) facts.refused = refused.why
    if (source.recreate && refused?.immutable) facts.recreate = true
    if (this.#options.nudges?.(source.name)) facts.nudge = true
    const fight =
      finding.drift === 'undeclared' ? undefined : this.#fights.before(key, this.#relapse(trouble))
    if (fight !== undefined) {
      facts.heldUntil = fight.until
      if (fight.began) {
        const writers: [string, string] = [this.#policy.guard.username, fight.writer]
        this.#options.tell({ event: 'fight', finding, writers, rounds: fight.rounds, resumesAt: fight.until })
      }
    }
    return facts
  }

  #pendingSince(
    key: string,
    declared: Declared,
    about: { writer: Writer; pendingForm: boolean; ours: boolean },
    answer: Answer | undefined,
  ): Facts['pending'] {
    const source = declared.source.name
    if (this.#options.isAgent?.(source)) return undefined
    const revision = this.#revisions.get(source)
    const progress = answer?.progress
    const done = progress?.state === 'applied' && progress.revision === revision?.revision
    if (done) return undefined
    const grace = this.#grace(source)
    const told = this.#lagged.has(key)
    const suspended = progress?.state === 'suspended'
    if (about.pendingForm) {
      const earlier = this.#earlierOf(key)
      const applying = progress?.state === 'applying' && progress.revision === revision?.revision
      const since = applying ? progress.at : (earlier.at(-1)?.until ?? 0) - grace
      return { since, suspended, told, ours: about.ours }
    }
    // The first commit that the guard sees may be one that the agent is just bringing in.
    const young = revision !== undefined && revision.first && this.#clock.now() - revision.committedAt < grace
    if (!young || about.writer !== 'unknown') return undefined
    return { since: revision.committedAt, suspended, told, ours: false }
  }

  async #putBack(
    key: string,
    declared: Declared,
    manifest: Manifest,
    canonical: Canonical,
    live: KubeObject,
    changes: readonly FieldChange[],
    trouble: Trouble,
  ): Promise<Again | undefined> {
    const agent = this.#memory.writerOf(declared, live)
    const { refused } = trouble
    if (refused?.immutable && declared.source.recreate) return this.#recreate(key, declared, live, trouble)
    const writing = this.#repairer.putBack({ manifest, canonical: canonical.object, live, changes, agent })
    this.#tellDrift(trouble)
    let after: KubeObject
    try {
      after = await writing
    } catch (error) {
      return this.#refused(key, declared, trouble, error, 'put')
    }
    this.#own.add(key, text(after.metadata['resourceVersion']))
    const before: Declared = { ...facade(declared), manifest, canonical: () => canonical }
    const left = new Set(this.#differences(before, canonical, after).map(({ path }) => pathKey(path)))
    const kept = changes.filter(({ path }) => left.has(pathKey(path)))
    if (kept.length === changes.length) {
      return this.#unrepairable(
        key,
        trouble,
        'the API server accepted the repair and stored something else',
        false,
      )
    }
    this.#repaired(key, declared, manifest, trouble, after)
    return this.#finish(key, declared, after, manifest)
  }

  async #create(
    key: string,
    declared: Declared,
    trouble: Trouble,
    _decision: Decision,
  ): Promise<Again | undefined> {
    const { manifest } = declared
    const { remains } = trouble
    const agent = remains?.writer ?? this.#memory.writerOf(declared, undefined)
    const stamps = remains?.stamps ?? this.#memory.stampsOf(declared)
    const writing = this.#repairer.create({ manifest, agent, stamps })
    this.#tellDrift(trouble)
    let after: KubeObject
    try {
      after = await writing
    } catch (error) {
      return this.#refused(key, declared, trouble, error, 'create')
    }
    this.#own.add(key, text(after.metadata['resourceVersion']))
    this.#repaired(key, declared, manifest, trouble, after)
    this.#wakeDependents(manifest)
    return this.#finish(key, declared, after, manifest, remains?.entry, stamps)
  }

  async #recreate(
    key: string,
    declared: Declared,
    live: KubeObject,
    trouble: Trouble,
  ): Promise<Again | undefined> {
    trouble.remains = {
      stamps: readStamps(live, declared.manifest.object),
      entry: undefined,
      writer: this.#memory.writerOf(declared, live),
    }
    try {
      await this.#repairer.remove(live)
    } catch (error) {
      return this.#refused(key, declared, trouble, error, 'delete')
    }
    return this.#create(key, declared, trouble, { remedy: 'repair', reason: 'git-is-level' })
  }

  #repaired(key: string, declared: Declared, manifest: Manifest, trouble: Trouble, after: KubeObject): void {
    const tracked = this.#track(key)
    note(tracked, after)
    const now = this.#clock.now()
    tracked.status = manifest === declared.manifest ? 'inSync' : 'pending'
    tracked.equalIn =
      manifest === declared.manifest && !this.#confirmed.has(key) ? this.#options.forms.epoch : -1
    this.#wrote.delete(key)
    this.#wrote.set(key, { hash: manifest.hash, at: now })
    bound(this.#wrote, 10_000)
    this.#fights.repaired(key, this.#relapse(trouble))
    this.#troubles.delete(key)
    this.#options.tell({
      event: 'repaired',
      finding: trouble.finding,
      repairedAfterMs: now - trouble.finding.seenAt,
    })
    for (const ended of this.#fights.ended(now)) {
      const ref = refOfKey(ended)
      const source = this.#policy.declared(ref)?.source.name ?? ''
      this.#options.tell({ event: 'fight-ended', ref, source })
    }
  }

  /** Gives the agent its fields back. The object is repaired already: a failure here is tried again on its own. */
  async #finish(
    key: string,
    declared: Declared,
    live: KubeObject,
    manifest: Manifest = declared.manifest,
    entry?: ManagedEntry,
    stamps: Stamps = readStamps(live, manifest.object),
  ): Promise<Again | undefined> {
    const again =
      this.#track(key).status === 'pending' ? { afterMs: this.#grace(declared.source.name) } : undefined
    if (!bearsOurName(live)) return again
    const agent = this.#memory.writerOf(declared, live)
    const shape = declared.shape()
    const after = await this.#repairer.finish({ manifest, live, agent, stamps, shape, entry })
    if (after !== undefined) {
      this.#own.add(key, text(after.metadata['resourceVersion']))
      this.#track(key).resourceVersion = text(after.metadata['resourceVersion'])
    }
    return again
  }

  #refused(
    key: string,
    declared: Declared,
    trouble: Trouble,
    error: unknown,
    operation: 'put' | 'create' | 'delete',
  ): Again | undefined {
    const refusal = readRefusal(error, operation)
    const read: LiveEvent = { object: undefined, read: true, at: trouble.finding.seenAt }
    switch (refusal.kind) {
      case 'stale':
      case 'gone':
        return { when: Promise.resolve(), payload: read }
      case 'not-yet':
        trouble.attempts++
        return { afterMs: Math.min(30_000, 500 * 2 ** Math.min(trouble.attempts, 10)) }
      case 'namespace-terminating':
        this.#terminatingNamespaces.set(declared.manifest.ref.namespace, this.#clock.now() + 5_000)
        return { afterMs: 5_000 }
      case 'final':
        return this.#unrepairable(key, trouble, refusal.message, refusal.immutable, declared)
      case 'later':
        throw error
    }
  }

  #unrepairable(
    key: string,
    trouble: Trouble,
    why: string,
    immutable: boolean,
    declared?: Declared,
  ): Again | undefined {
    const told = trouble.refused?.told ?? false
    trouble.refused = { why, immutable, told: true }
    if (immutable && declared?.source.recreate) return { when: Promise.resolve(), payload: undefined }
    this.#track(key).status = 'unrepairable'
    trouble.finding.remedy = 'none'
    trouble.finding.reason = 'unrepairable'
    if (!told) this.#options.tell({ event: 'unrepairable', finding: trouble.finding, why, immutable })
    return undefined
  }

  // --- what Git does not name ---

  async #examineUndeclared(
    key: string,
    ref: ObjectRef,
    event: LiveEvent | undefined,
  ): Promise<Again | undefined> {
    const tracked = this.#undeclared.get(key)!
    const source = this.#policy.sourcesOf(ref.namespace).find(({ undeclared }) => undeclared !== 'allow')
    if (source === undefined) {
      this.#undeclared.delete(key)
      this.#troubles.delete(key)
      return undefined
    }
    const object = event?.object
    if (object === undefined) return undefined
    const trouble = this.#undeclaredTrouble(key, ref, source, object, event!)
    const facts: Facts = {
      drift: 'undeclared',
      heal: source.undeclared === 'deny' ? source.heal : 'alert',
      now: this.#clock.now(),
      since: trouble.finding.seenAt,
      graceMs: this.#grace(source.name),
      writer: 'unknown',
    }
    if (trouble.answer !== undefined && trouble.answer.standing !== 'moved')
      facts.standing = trouble.answer.standing
    if (object.metadata['deletionTimestamp'] !== undefined) facts.terminating = true
    if (trouble.refused !== undefined) facts.refused = trouble.refused.why
    const until = breakGlassUntil(this.#policy, ref, facts.now)
    if (until !== undefined) facts.breakGlassUntil = until
    const decision = decideRemedy(facts)
    trouble.finding.remedy = decision.remedy
    trouble.finding.reason = decision.reason
    if (decision.ask) {
      const asking = this.#ahead.ask(source.name, trouble.finding.seenAt).then((answer) => {
        if (answer.standing !== 'moved') trouble.answer = answer
      })
      const wait = trouble.answer === undefined ? 0 : (decision.recheckAfterMs ?? 0)
      if (wait === 0) return { when: asking, payload: event }
      trouble.answer = undefined
      return { when: delay(this.#clock, wait), payload: event }
    }
    if (decision.remedy !== 'repair') {
      if (decision.remedy === 'alert' || decision.reason === 'break-glass') this.#tellDrift(trouble)
      return decision.recheckAfterMs === undefined
        ? undefined
        : { when: delay(this.#clock, decision.recheckAfterMs), payload: event }
    }
    this.#tellDrift(trouble)
    try {
      await this.#repairer.remove(object)
    } catch (error) {
      const refusal = readRefusal(error, 'delete')
      if (refusal.kind === 'stale' || refusal.kind === 'gone') return undefined
      if (refusal.kind !== 'final') throw error
      tracked.status = 'unrepairable'
      trouble.refused = { why: refusal.message, immutable: false, told: true }
      this.#options.tell({
        event: 'unrepairable',
        finding: trouble.finding,
        why: refusal.message,
        immutable: false,
      })
      return undefined
    }
    const repairedAfterMs = this.#clock.now() - trouble.finding.seenAt
    this.#troubles.delete(key)
    this.#undeclared.delete(key)
    this.#options.tell({ event: 'repaired', finding: trouble.finding, repairedAfterMs })
    return undefined
  }

  #isUndeclared(ref: ObjectRef, object: KubeObject): boolean {
    if (this.#policy.declared(ref) !== undefined) return false
    if (exemptFromUndeclared(ref, object)) return false
    return this.#policy.sourcesOf(ref.namespace).some(({ undeclared }) => undeclared !== 'allow')
  }

  #undeclaredTrouble(
    key: string,
    ref: ObjectRef,
    source: SourcePolicy,
    object: KubeObject,
    event: LiveEvent,
  ): Trouble {
    const signature = `undeclared ${text(object.metadata['uid'])}`
    const current = this.#troubles.get(key)
    if (current?.signature === signature) return current
    const newest = readManagedFields(object).toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))[0]
    const finding: Finding = {
      id: randomUUID(),
      ref,
      apiVersion: object.apiVersion,
      drift: 'undeclared',
      source: source.name,
      changes: [],
      actor: { username: newest?.manager ?? '', groups: [], authenticated: false },
      remedy: 'none',
      reason: 'ask',
      seenAt: event.at,
    }
    return this.#newTrouble(key, signature, finding)
  }

  // --- memory ---

  #trouble(
    key: string,
    declared: Declared,
    drift: 'modified' | 'missing',
    changes: readonly FieldChange[],
    event: LiveEvent,
    live: KubeObject | undefined,
  ): Trouble {
    const { manifest, source } = declared
    const signature = `${drift} ${manifest.hash} ${signatureOf(changes)}`
    const current = this.#troubles.get(key)
    if (current?.signature === signature) return current
    const finding: Finding = {
      id: randomUUID(),
      ref: manifest.ref,
      apiVersion: manifest.object.apiVersion,
      drift,
      source: source.name,
      origin: manifest.origin,
      changes,
      actor: { username: '', groups: [], authenticated: false },
      remedy: 'none',
      reason: 'ask',
      seenAt: event.at,
    }
    if (live !== undefined) this.#attribute(finding, declared, live, changes)
    const trouble = this.#newTrouble(key, signature, finding)
    if (current !== undefined && drift === 'missing' && current.finding.drift === 'missing') {
      trouble.remains = current.remains
    }
    return trouble
  }

  #newTrouble(key: string, signature: string, finding: Finding): Trouble {
    const trouble: Trouble = {
      signature,
      manifest: this.#policy.declared(finding.ref)?.manifest.hash ?? '',
      finding,
      told: false,
      answer: undefined,
      refused: undefined,
      remains: undefined,
      attempts: 0,
    }
    this.#troubles.set(key, trouble)
    return trouble
  }

  /** Says who did it: authenticated where every difference has the same recorded author, else as managedFields claim. */
  #attribute(finding: Finding, declared: Declared, live: KubeObject, changes: readonly FieldChange[]): void {
    const records = changes.map(({ path, after }) =>
      this.#options.ledger.written(declared.manifest.ref, path, after),
    )
    const recorded = records.find((record) => record !== undefined)
    const owners = ownersOf(readManagedFields(live), changes)
    if (recorded !== undefined) {
      finding.actor = recorded.actor
      finding.writtenAt = recorded.time
      return
    }
    const other = owners.managers.find((manager) => !this.#memory.mayBeAgent(declared, manager))
    finding.actor = { username: other ?? owners.managers[0] ?? '', groups: [], authenticated: false }
    if (owners.writtenAt !== undefined) finding.writtenAt = owners.writtenAt
  }

  /** Who made the difference, field by field: all of it must be a person's for a repair that asks nobody. */
  #writer(declared: Declared, live: KubeObject, changes: readonly FieldChange[]): Writer {
    const entries = readManagedFields(live)
    let recorded = 0
    let agents = 0
    for (const change of changes) {
      const record = this.#options.ledger.written(declared.manifest.ref, change.path, change.after)
      if (record !== undefined && record.actor.authenticated) {
        recorded++
        if (isAgentOf(record.actor, declared.source)) agents++
        continue
      }
      const elements = pathElements(change.path)
      const owners = change.op === 'remove' ? [] : entries.filter(({ fields }) => fields.touches(elements))
      if (owners.length === 0 || owners.some(({ manager }) => this.#memory.mayBeAgent(declared, manager))) {
        return 'unknown'
      }
    }
    if (agents > 0) return agents === changes.length ? 'agent' : 'unknown'
    return recorded === changes.length ? 'person' : 'other-manager'
  }

  #remains(declared: Declared, last: KubeObject, tracked: Tracked): Remains {
    const writer = this.#memory.writerOf(declared, last)
    const stamps = readStamps(last, declared.manifest.object)
    const wasEqual = tracked.equalIn === this.#options.forms.epoch
    const entry = wasEqual
      ? readManagedFields(last).find(
          ({ manager, operation, subresource }) =>
            manager === writer?.manager && operation === writer.operation && subresource === '',
        )
      : undefined
    return { writer, stamps, entry }
  }

  #relapse({ finding, signature }: Trouble): Relapse {
    const { changes, actor } = finding
    return {
      now: this.#clock.now(),
      signature,
      fields: `${finding.drift} ${changes.map(({ path }) => pathKey(path)).join(' ')}`,
      writer: actor.username,
    }
  }

  #tellDrift(trouble: Trouble): void {
    if (trouble.told) return
    trouble.told = true
    this.#options.tell({ event: 'drift', finding: { ...trouble.finding } })
  }

  #sayOnce(key: string, what: string): boolean {
    if (this.#said.get(key) === what) return false
    this.#said.set(key, what)
    bound(this.#said, 50_000)
    return true
  }

  #track(key: string): Tracked {
    let tracked = this.#tracked.get(key)
    if (tracked === undefined) this.#tracked.set(key, (tracked = new Tracked()))
    return tracked
  }

  #forget(key: string): void {
    this.#tracked.delete(key)
    this.#troubles.delete(key)
    this.#confirmed.delete(key)
    this.#earlier.delete(key)
    this.#wrote.delete(key)
    this.#finished.delete(key)
    this.#said.delete(key)
    this.#lagged.delete(key)
    this.#fights.forget(key)
  }

  #addEarlier(key: string, earlier: Earlier): void {
    const forms = this.#earlier.get(key) ?? []
    forms.push(earlier)
    if (forms.length > earlierForms) forms.shift()
    this.#earlier.set(key, forms)
  }

  #earlierOf(key: string): readonly Earlier[] {
    return this.#earlier.get(key) ?? []
  }

  /** A namespace or a kind is there again: what waited for it is tried at once. */
  #wakeDependents(manifest: Manifest): void {
    const { ref, object } = manifest
    if (ref.group === '' && ref.kind === 'Namespace') {
      for (const declared of this.#policy.declaredIn(ref.name)) this.#wake(declared)
    } else if (ref.kind === 'CustomResourceDefinition') {
      const spec = object['spec'] as { group?: unknown; names?: { kind?: unknown } } | undefined
      for (const declared of this.#policy.declaredOf(String(spec?.group), String(spec?.names?.kind))) {
        this.#wake(declared)
      }
    }
  }

  #wake(declared: Declared): void {
    const key = refKey(declared.manifest.ref)
    const status = this.#tracked.get(key)?.status
    if (status === 'missing' || status === 'pending') this.#queue.add(key)
  }

  /** What waits for an answer about this source may have it now. */
  #compareAgain(source: string): void {
    for (const [key, { finding }] of this.#troubles) if (finding.source === source) this.#queue.add(key)
  }

  #observeNamespace(type: string, object: KubeObject): void {
    const name = text(object.metadata['name'])
    if (type !== 'DELETED' && object.metadata['deletionTimestamp'] !== undefined) {
      this.#terminatingNamespaces.set(name, Number.POSITIVE_INFINITY)
    } else if (this.#terminatingNamespaces.delete(name)) {
      for (const declared of this.#policy.declaredIn(name)) this.#wake(declared)
    }
  }

  #grace(source: string): number {
    return this.#options.graceMs?.(source) ?? 60_000
  }
}

function note(tracked: Tracked, live: KubeObject): void {
  tracked.resourceVersion = text(live.metadata['resourceVersion'])
}

function targetOfManifest({ ref, object }: Manifest): {
  apiVersion: string
  kind: string
  namespace: string
  name: string
} {
  return { apiVersion: object.apiVersion, kind: ref.kind, namespace: ref.namespace, name: ref.name }
}

/** A Declared whose methods are its own properties, so that a spread keeps them. */
function facade(declared: Declared): Declared {
  return {
    manifest: declared.manifest,
    source: declared.source,
    canonical: () => declared.canonical(),
    shape: () => declared.shape(),
  }
}

function kindOf({ group, kind }: ObjectRef): string {
  return `${group}/${kind}`
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function signatureOf(changes: readonly FieldChange[]): string {
  const hash = createHash('sha256')
  for (const { path, op, after } of changes)
    hash.update(`${op} ${pathKey(path)} ${after === undefined ? '' : stableStringify(after)}\n`)
  return hash.digest('base64').slice(0, 16)
}

function bearsOurName(live: KubeObject): boolean {
  const entries = live.metadata['managedFields']
  if (!Array.isArray(entries)) return false
  return entries.some(
    (entry) =>
      typeof entry === 'object' &&
      entry !== null &&
      !Array.isArray(entry) &&
      entry['manager'] === guardManager &&
      entry['operation'] === 'Update' &&
      entry['subresource'] === undefined,
  )
}

function breakGlassUntil(policy: Policy, ref: ObjectRef, now: number): number | undefined {
  let until: number | undefined
  for (const open of policy.breakGlass) {
    if (open.namespace !== ref.namespace || open.expiresAt <= now) continue
    const covers =
      open.objects.length === 0 ||
      open.objects.some(
        ({ group, kind, name }) => group === ref.group && kind === ref.kind && name === ref.name,
      )
    if (covers) until = Math.max(until ?? 0, open.expiresAt)
  }
  return until
}

function isFinishedJob(object: KubeObject): boolean {
  if (object.kind !== 'Job' || !object.apiVersion.startsWith('batch/')) return false
  const status = object['status'] as { conditions?: { type?: unknown; status?: unknown }[] } | undefined
  return (
    Array.isArray(status?.conditions) &&
    status.conditions.some(
      ({ type, status: state }) => (type === 'Complete' || type === 'Failed') && state === 'True',
    )
  )
}

/**
 * A Job that its TTL removes is done. Where the guard never saw it, it is taken for done as well: running a Job a
 * second time may do harm, not running it is what its author will notice.
 */
function isDoneJob(manifest: KubeObject, finished: boolean): boolean {
  if (manifest.kind !== 'Job' || !manifest.apiVersion.startsWith('batch/')) return false
  const spec = manifest['spec'] as { ttlSecondsAfterFinished?: unknown } | undefined
  return finished && spec?.ttlSecondsAfterFinished !== undefined
}

function comesAndGoes(manifest: KubeObject): boolean {
  const { name, annotations } = manifest.metadata
  if (name === undefined) return true
  if (typeof annotations !== 'object' || annotations === null || Array.isArray(annotations)) return false
  return Object.hasOwn(annotations, 'helm.sh/hook') || Object.hasOwn(annotations, 'argocd.argoproj.io/hook')
}

function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve))
}

function bound<K, V>(map: Map<K, V>, size: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= size) break
    map.delete(oldest)
  }
}
