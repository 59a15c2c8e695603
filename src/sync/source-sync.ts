import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import { ApiError } from '../cluster/api-error.ts'
import { Semaphore } from '../cluster/semaphore.ts'
import { formatRef, refKey } from '../object/identity.ts'
import type { Cancel, Clock } from '../reconcile/clock.ts'
import { readRefusal } from '../reconcile/refusal.ts'
import { Announcer } from './announcer.ts'
import type { TimedTrouble } from './announcer.ts'
import type { Applier } from './applier.ts'
import type { SyncEvent, SyncReport, SyncTrouble } from './events.ts'
import { Health } from './health.ts'
import type { Inventory, InventoryEntry } from './inventory.ts'
import { emptyInventory } from './inventory.ts'
import type { InventoryStore } from './inventory-store.ts'
import { pauseAfter } from './pause.ts'
import { planSync } from './plan.ts'
import type { Failure, SyncPlan } from './plan.ts'
import type { Pruner } from './pruner.ts'
import { SourceObjects } from './source-objects.ts'
import type { Wanted } from './source-objects.ts'
import type { SyncGit } from './sync-git.ts'
import type { SyncObject } from './sync-object.ts'
import { whyOf } from './why.ts'

export interface SourceSyncOptions {
  source: string
  git: SyncGit
  store: Pick<InventoryStore, 'load' | 'save' | 'name'>
  applier: Pick<Applier, 'apply'>
  pruner: Pruner
  clock: Clock
  /** Where the inventory is, for messages. */
  namespace: string
  /** Milliseconds that an object may take until it works, before people are told. */
  readyMs: number
  /** The most that one commit may delete. */
  pruneMax?: number | undefined
  /** Whether this replica brings the source in. */
  leads(): boolean
  /** Until when an exception keeps the guard off an object, in milliseconds since the epoch. */
  heldUntil(ref: ObjectRef): number | undefined
  /** Resolves when the kind that a definition defines is served. Rejects where it is not after a while. */
  served(definition: KubeObject): Promise<void>
  /** The watcher is to look at an object that it left to the sync. */
  check(ref: ObjectRef): void
  tell(event: SyncEvent): void
}

/** Objects that are applied at the same time. */
const WORKERS = 8
/** What may pass by itself is told after so many milliseconds. */
const PATIENCE_MS = 30_000

/**
 * Brings one source into the cluster: applies what its commit in force declares, deletes what it dropped, tries again what failed, and
 * says how it stands. What is done is decided by `planSync` and `planPrune`; this carries it out, one look after the other.
 */
export class SourceSync {
  readonly #options: SourceSyncOptions
  readonly #objects: SourceObjects
  readonly #health = new Health()
  readonly #announcer: Announcer
  readonly #workers = new Semaphore(WORKERS)
  /** As it is in the cluster; undefined before it was read. */
  #kept: Inventory | undefined
  /** Git has said what is newest since the inventory was read. */
  #confirmed = false
  /** Hash of the manifest that was applied, by key. */
  readonly #applied = new Map<string, string>()
  readonly #failures = new Map<string, Failure>()
  /** Objects that are being applied and that the watch has said nothing of since: what it says is newer than the answer. */
  readonly #applying = new Set<string>()
  /** Why nothing can be done, and since when. */
  #stuck: { why: string; since: number; times: number } | undefined
  #plan: SyncPlan | undefined
  /** The commit that all of is there. */
  #done = ''
  /** Objects that the watcher left to this, by key. */
  readonly #left = new Map<string, ObjectRef>()
  #running: Promise<void> | undefined
  #again = false
  #cancelWake: Cancel | undefined
  #cancelLook: Cancel | undefined
  #stopped = true

  constructor(options: SourceSyncOptions) {
    const { source, git, tell } = options
    this.#options = options
    this.#objects = new SourceObjects(source, git)
    this.#announcer = new Announcer(source, tell)
  }

  start(): void {
    this.#stopped = false
    this.wake()
  }

  /** Something changed: a commit, a kind, an exception, the replicas. Never waits. */
  wake(): void {
    if (this.#stopped) return
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelWake?.()
    this.#cancelLook?.()
    await this.#running
  }

  /** What the watch says of an object of this source; undefined: it is gone. */
  observe(key: string, object: KubeObject | undefined): void {
    const known = this.#objects.now()?.byKey.get(key)
    if (known === undefined) return
    this.#applying.delete(key)
    if (object === undefined) this.#health.forget(key)
    else if (!this.#health.observe(key, known.ref, object, this.#options.clock.now())) return
    if (this.#running === undefined) this.#lookIn(100)
  }

  /**
   * Whether an object's newest form is still this one's to bring in: the watcher leaves it, and is told when to look again. `failed`: it
   * cannot be brought in for now.
   */
  bringing(key: string): 'now' | 'failed' | undefined {
    const object = this.#objects.now()?.byKey.get(key)
    if (object === undefined) return undefined
    const { hash, needs, ref } = object
    if (this.#kept !== undefined && this.#applied.get(key) === hash) return undefined
    const isFailed = this.#failures.get(key)?.hash === hash || needs.some((need) => this.#failures.has(need))
    if (isFailed || this.#stuck !== undefined) return 'failed'
    this.#left.set(key, ref)
    return 'now'
  }

  report(): SyncReport {
    const { leads, clock, git } = this.#options
    const { objects = [] } = this.#objects.now() ?? {}
    const troubles = this.#troubles()
    const of = (...whats: SyncTrouble['what'][]) => troubles.filter(({ what }) => whats.includes(what))
    const overdue = troubles.some(({ dueAt }) => dueAt <= clock.now())
    const synced = this.#done !== '' && this.#done === git.state()?.revision && troubles.length === 0
    return {
      state: !leads() ? 'elsewhere' : overdue ? 'failing' : synced ? 'synced' : 'progressing',
      applied: this.#done,
      declared: objects.length,
      done: objects.filter(({ key, hash }) => this.#applied.get(key) === hash).length,
      failing: of('inventory', 'apply'),
      unready: of('ready'),
      pruning: of('prune'),
      waiting: this.#waiting(),
    }
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      this.#cancelWake?.()
      try {
        const nextAt = await this.#pass()
        this.#stuck = undefined
        if (nextAt !== undefined) this.#wakeAt(nextAt)
      } catch (error) {
        this.#isStuck(error)
      }
      for (const [key, ref] of [...this.#left]) {
        this.#left.delete(key)
        if (this.bringing(key) !== 'now') this.#options.check(ref)
      }
      this.#look()
    }
  }

  /** Does all that can be done now; resolves with when there is something to do again. */
  async #pass(): Promise<number | undefined> {
    const { git, leads } = this.#options
    if (!leads()) {
      this.#forget()
      return undefined
    }
    if (git.state() === undefined) return undefined
    await this.#know()
    for (;;) {
      if (this.#stopped || !leads()) return undefined
      const wanted = this.#objects.now()!
      const plan = this.#planNow(wanted)
      await this.#announce(wanted, plan)
      if (plan.apply.length > 0) {
        await this.#applyAll(wanted, plan)
        continue
      }
      const pruneAt = await this.#prune(wanted, plan)
      // A commit that came meanwhile is another round.
      if (git.state() !== wanted.state) continue
      const times = [plan.nextAt, pruneAt].filter((at) => at !== undefined)
      return times.length === 0 ? undefined : Math.min(...times)
    }
  }

  /**
   * Reads the inventory where it is not known. Another replica, or this one before it lost its memory, may have applied a newer commit
   * than the one at hand: then nothing is applied before Git has said what is newest.
   */
  async #know(): Promise<void> {
    const { git, store } = this.#options
    if (this.#kept === undefined) {
      const kept = (await store.load()) ?? emptyInventory
      this.#confirmed = false
      this.#applied.clear()
      for (const [key, { hash }] of kept.entries) if (hash !== '') this.#applied.set(key, hash)
      this.#kept = kept
    }
    const { revision } = this.#kept
    if (this.#confirmed || revision === '' || revision === git.state()?.revision) return
    this.#confirmed = await git.refresh()
    if (!this.#confirmed)
      throw new Error(`commit ${revision.slice(0, 12)} was applied, and Git cannot be asked what is newest`)
  }

  #planNow({ objects }: Wanted): SyncPlan {
    const { clock, heldUntil } = this.#options
    this.#plan = planSync({
      now: clock.now(),
      desired: objects,
      applied: this.#applied,
      failures: this.#failures,
      heldUntil: ({ ref }) => heldUntil(ref),
    })
    return this.#plan
  }

  /**
   * Notes in the inventory what is about to be there, before it is. What is not known to be applied as it says is noted so: whoever
   * comes next applies it again.
   */
  async #announce({ state, objects }: Wanted, { apply }: SyncPlan): Promise<void> {
    const kept = this.#kept!
    const entries = new Map(kept.entries)
    let changed = kept.revision !== state.revision || (kept.complete && apply.length > 0)
    for (const { key, ref, hash, keep } of objects) {
      const before = kept.entries.get(key)
      const known = this.#applied.get(key) === hash ? (before?.hash ?? '') : ''
      if (before !== undefined && before.keep === keep && before.hash === known) continue
      entries.set(key, { ref, keep, hash: known })
      changed = true
    }
    if (changed) await this.#save({ revision: state.revision, complete: false, entries })
  }

  async #applyAll({ state, manifests }: Wanted, { apply }: SyncPlan): Promise<void> {
    const { git, leads } = this.#options
    const one = async (object: SyncObject) => {
      // Where a newer commit is in force, what it says counts.
      if (this.#stopped || !leads() || git.state() !== state) return
      const { key, ref } = object
      try {
        await this.#apply(object, manifests)
      } catch (error) {
        this.#failed(object, error)
      }
      if (this.#left.delete(key)) this.#options.check(ref)
    }
    await Promise.all(apply.map((object) => this.#workers.run(() => one(object))))
  }

  async #apply({ key, ref, hash }: SyncObject, manifests: Wanted['manifests']): Promise<void> {
    const { applier, clock, served, source, tell } = this.#options
    this.#applying.add(key)
    const live = await applier.apply(manifests.get(key)!, !this.#applied.has(key))
    const isDefinition = ref.group === 'apiextensions.k8s.io' && ref.kind === 'CustomResourceDefinition'
    if (isDefinition) await served(live)
    this.#applied.set(key, hash)
    this.#failures.delete(key)
    this.#health.restart(key, clock.now())
    const isNewest = this.#applying.delete(key) && !isDefinition
    if (isNewest) this.#health.observe(key, ref, live, clock.now())
    tell({ event: 'tried', source, ref })
  }

  #failed({ key, ref, hash }: SyncObject, error: unknown): void {
    const { clock, source, tell } = this.#options
    const before = this.#failures.get(key)
    const { times, since } = before?.hash === hash ? before : { times: 0, since: clock.now() }
    const retryMs = pauseAfter(times + 1)
    const retryAt = clock.now() + retryMs
    const final = readRefusal(error, 'put').kind === 'final'
    const why = whyOf(error)
    this.#failures.set(key, { hash, why, final, since, retryAt, times: times + 1 })
    tell({ event: 'tried', source, ref, why, retryMs })
  }

  /** Deletes what Git dropped, and notes all that was done. Resolves with when to look again. */
  async #prune({ state, objects }: Wanted, { done }: SyncPlan): Promise<number | undefined> {
    const { git, source, pruner, pruneMax, clock, heldUntil, tell } = this.#options
    // What another source declares is not known before all were read.
    if (!git.complete()) return clock.now() + 1_000
    const undone = objects.filter(({ key, hash }) => this.#applied.get(key) !== hash)
    const { gone, left, nextAt } = await pruner.prune(
      {
        inventory: this.#kept!.entries,
        declares: ({ ref }) => git.holderOf(ref) === source,
        declaredElsewhere: ({ ref }) => git.holderOf(ref) !== undefined,
        declared: objects.length,
        problems: state.problems.length,
        max: pruneMax,
        unsettled: new Set(undone.map(({ ref }) => ref.namespace)),
        isHeld: ({ ref }) => (heldUntil(ref) ?? 0) > clock.now(),
      },
      state.revision,
      () => this.#stopped || git.state() !== state,
    )
    for (const key of gone) {
      this.#applied.delete(key)
      this.#health.forget(key)
    }
    const complete = done === objects.length && left === 0 && git.state() === state
    const wasComplete = this.#kept!.complete
    await this.#note(gone, complete)
    if (complete && this.#done !== state.revision) {
      this.#done = state.revision
      const afterMs = clock.now() - state.loadedAt
      if (!wasComplete)
        tell({ event: 'applied', source, revision: state.revision, objects: objects.length, afterMs })
    }
    return nextAt
  }

  async #note(gone: readonly string[], complete: boolean): Promise<void> {
    const kept = this.#kept!
    const entries = new Map(kept.entries)
    for (const key of gone) entries.delete(key)
    let changed = gone.length > 0 || complete !== kept.complete
    for (const [key, entry] of entries) {
      const hash = this.#applied.get(key) ?? ''
      if (hash === entry.hash) continue
      entries.set(key, { ...entry, hash })
      changed = true
    }
    if (changed) await this.#save({ revision: kept.revision, complete, entries })
  }

  async #save(next: { revision: string; complete: boolean; entries: Map<string, InventoryEntry> }) {
    try {
      await this.#options.store.save(next)
      this.#kept = next
    } catch (error) {
      // Another replica may have written: what it did is read before anything else is done.
      this.#kept = undefined
      throw error
    }
  }

  /** Another replica brings the source in now. */
  #forget(): void {
    this.#kept = undefined
    this.#stuck = undefined
    this.#plan = undefined
    this.#done = ''
    this.#applied.clear()
    this.#failures.clear()
    this.#options.pruner.forget()
    this.#announcer.forget()
  }

  #isStuck(error: unknown): void {
    const { clock } = this.#options
    const { since, times } = this.#stuck ?? { since: clock.now(), times: 0 }
    this.#stuck = { why: whyOf(error), since, times: times + 1 }
    const conflict = error instanceof ApiError && error.status === 409
    this.#wakeAt(clock.now() + (conflict ? 200 + Math.random() * 300 : pauseAfter(times + 1)))
  }

  #waiting(): { ref: ObjectRef; why: string }[] {
    const { blocked = [], held = [] } = this.#plan ?? {}
    const { byKey } = this.#objects.now() ?? {}
    return [
      ...blocked.map(({ object, need }) => {
        const needed = byKey?.get(need)?.ref
        return { ref: object.ref, why: needed === undefined ? 'it waits' : `it needs ${formatRef(needed)}` }
      }),
      ...held.map(({ ref }) => ({ ref, why: 'an exception is open for it' })),
    ]
  }

  #troubles(): TimedTrouble[] {
    const { namespace, store, readyMs, pruner } = this.#options
    const troubles: TimedTrouble[] = []
    const { byKey, manifests } = this.#objects.now() ?? {}
    const add = (trouble: SyncTrouble, dueAt: number) => {
      const origin = manifests?.get(refKey(trouble.ref))?.origin
      troubles.push({ ...trouble, ...(origin === undefined ? {} : { origin }), dueAt })
    }
    if (this.#stuck !== undefined) {
      const ref = { group: '', kind: 'ConfigMap', namespace, name: store.name }
      const { why, since } = this.#stuck
      add({ what: 'inventory', ref, apiVersion: 'v1', why, since }, since + PATIENCE_MS)
    }
    for (const [key, { hash, why, since, final }] of this.#failures) {
      const object = byKey?.get(key)
      if (object?.hash !== hash) continue
      const apiVersion = manifests!.get(key)!.object.apiVersion
      add({ what: 'apply', ref: object.ref, apiVersion, why, since }, final ? since : since + PATIENCE_MS)
    }
    for (const [key, { ref, apiVersion, why, since, failed }] of this.#health.all()) {
      if (byKey?.get(key)?.hash !== this.#applied.get(key)) continue
      add({ what: 'ready', ref, apiVersion, why, since }, failed ? since : since + readyMs)
    }
    for (const trouble of pruner.troubles)
      add(trouble, pruner.refused ? trouble.since : trouble.since + PATIENCE_MS)
    return troubles
  }

  /** Tells what is news, and looks again when something will be. */
  #look(): void {
    const { clock, leads, git } = this.#options
    this.#cancelLook?.()
    if (this.#stopped || !leads()) return
    const now = clock.now()
    const troubles = this.#troubles()
    const revision = git.state()?.revision ?? ''
    this.#announcer.look(troubles, now, revision, this.#done === revision)
    const next = Math.min(...troubles.map(({ dueAt }) => dueAt).filter((dueAt) => dueAt > now))
    if (Number.isFinite(next)) this.#lookIn(next - now)
  }

  #lookIn(ms: number): void {
    if (this.#stopped) return
    this.#cancelLook?.()
    this.#cancelLook = this.#options.clock.after(ms, () => this.#look())
  }

  #wakeAt(at: number): void {
    const { clock } = this.#options
    this.#cancelWake?.()
    this.#cancelWake = clock.after(Math.max(0, at - clock.now()), () => this.wake())
  }
}
