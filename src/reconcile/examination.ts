import type { Canonical } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import type { Clock } from './clock.ts'
import type { Comparison } from './comparison.ts'
import type { ReconcileEvent } from './events.ts'
import type { Forms } from './forms.ts'
import type { History } from './history.ts'
import { isLeaving } from './live-facts.ts'
import type { LiveEvent } from './live-event.ts'
import { withLost } from './lost-marks.ts'
import type { Objects } from './objects.ts'
import type { Again } from './queue.ts'
import { readRefusal } from './refusal.ts'
import { lostStamps } from './seen-stamps.ts'
import type { Bringing, Equal, Moment, Sight } from './sight.ts'
import type { TrackedObjects } from './tracked-objects.ts'

export interface ExaminationParts {
  policy: () => Policy
  objects: Objects
  forms: Forms
  comparison: Comparison
  history: History
  tracked: TrackedObjects
  clock: Clock
  bringing: (source: string, ref: ObjectRef) => Bringing
  tell: (event: ReconcileEvent) => void
}

/** Where the kind or the namespace of an object is not there yet, and the API server does not say how long to wait. */
const PENDING_MS = 5_000

/** Looks at one object: compares it with its canonical form, and has a difference confirmed where that is needed. */
export class Examination {
  readonly #parts: ExaminationParts

  constructor(parts: ExaminationParts) {
    this.#parts = parts
  }

  /** What can be said from memory, of an object that is as Git says: this common case must cost nothing but the comparison. */
  atOnce(key: string, declared: Declared, live: KubeObject): Equal | undefined {
    const { comparison, policy } = this.#parts
    const canonical = declared.canonical()
    if (canonical?.object.apiVersion !== live.apiVersion) return undefined
    const { changes } = comparison.differences(policy(), declared, canonical, live)
    const isEqual = changes.length === 0 && !isLeaving(live) && this.#lost(key, live).length === 0
    return isEqual ? { is: 'equal', live, canonical } : undefined
  }

  async examine(key: string, declared: Declared, received: LiveEvent): Promise<Sight> {
    const { tracked, clock } = this.#parts
    const { ref } = declared.manifest
    // What is read now may be older than what is applied by the time that it is judged.
    const bringing = this.#parts.bringing(declared.source.name, ref)
    const version = declared.canonical()?.object.apiVersion ?? declared.manifest.object.apiVersion
    let live = received.read ? await this.#read(ref, version) : received.object
    const moment: Moment = {
      at: received.at,
      trueAt: received.read ? clock.now() : received.at,
      bringing,
      ...(received.last === undefined ? {} : { last: received.last }),
    }
    if (live === undefined) return { is: 'missing', moment }
    tracked.of(key).saw(live)
    const form = await this.#form(key, declared)
    if ('again' in form) {
      return tracked.of(key).status === 'invalid'
        ? this.#againstEarlier(key, declared, live, moment)
        : { is: 'unclear', again: form.again }
    }
    const { canonical } = form
    // Kinds are compared at the version at which they are stored, where that loses nothing.
    if (live.apiVersion !== canonical.object.apiVersion)
      live = await this.#read(ref, canonical.object.apiVersion)
    if (live === undefined) return { is: 'missing', moment }
    const differences = await this.#differences(key, declared, canonical, live)
    // A newer version is there.
    if (differences === undefined) return { is: 'unclear', again: { when: Promise.resolve() } }
    const lost = this.#lost(key, live)
    if (differences.changes.length + lost.length === 0)
      return isLeaving(live) ? { is: 'leaving', live, moment } : { is: 'equal', live, canonical }
    const found = { manifest: declared.manifest, canonical, differences }
    const base = withLost(found, tracked.get(key)?.stamps, lost)
    return { is: 'modified', live, base, moment }
  }

  /** The API server refuses what Git says now: what it said before is kept, as far as that is known. */
  async #againstEarlier(key: string, declared: Declared, live: KubeObject, moment: Moment): Promise<Sight> {
    const { history, forms, comparison, policy } = this.#parts
    const unclear: Sight = { is: 'unclear', again: undefined }
    const earlier = history.earlier(key).at(-1)?.manifest
    const form = earlier && (await forms.form(earlier))
    if (earlier === undefined || form === undefined || !('canonical' in form)) return unclear
    const { canonical } = form
    if (canonical.object.apiVersion !== live.apiVersion) return unclear
    const differences = comparison.differences(policy(), declared, canonical, live, earlier)
    return differences.changes.length > 0
      ? { is: 'modified', live, base: { manifest: earlier, canonical, differences }, moment }
      : { is: 'as-before' }
  }

  /**
   * An object once seen equal under this admission needs no confirmation: then its repair is one write. Undefined where
   * live is no longer what is stored.
   */
  async #differences(key: string, declared: Declared, canonical: Canonical, live: KubeObject) {
    const { tracked, forms, comparison, policy } = this.#parts
    if (tracked.of(key).equalIn === forms.epoch)
      return comparison.differences(policy(), declared, canonical, live)
    try {
      return await comparison.confirmed(policy(), declared, canonical, live, key)
    } catch (error) {
      const { kind } = readRefusal(error, 'put')
      if (kind === 'stale' || kind === 'gone') return undefined
      throw error
    }
  }

  #read({ kind, namespace, name }: ObjectRef, apiVersion: string): Promise<KubeObject | undefined> {
    return this.#parts.objects.get({ apiVersion, kind, namespace, name })
  }

  /** The canonical form; where there is none, when to look again. */
  async #form(
    key: string,
    declared: Declared,
  ): Promise<{ canonical: Canonical } | { again: Again | undefined }> {
    const known = declared.canonical()
    if (known !== undefined) return { canonical: known }
    const { manifest, source } = declared
    const form = await this.#parts.forms.form(manifest)
    if ('canonical' in form) return form
    const tracked = this.#parts.tracked.of(key)
    if ('pending' in form) {
      tracked.status = 'pending'
      return { again: { afterMs: form.retryAfterMs ?? PENDING_MS } }
    }
    tracked.status = 'invalid'
    if (tracked.isNews(`invalid ${manifest.hash} ${form.invalid}`)) {
      const { ref, origin } = manifest
      this.#parts.tell({ event: 'invalid', ref, source: source.name, origin, message: form.invalid })
    }
    return { again: undefined }
  }

  /** Marks of the agent that somebody took away. While a commit is on its way the agent brings them along. */
  #lost(key: string, live: KubeObject): FieldChange[] {
    const { tracked, history } = this.#parts
    const seen = tracked.get(key)?.stamps
    return seen === undefined || history.earlier(key).length > 0 ? [] : lostStamps(live, seen)
  }
}
