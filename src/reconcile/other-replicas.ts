import type { Canonical } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import type { Arrival } from './arrival.ts'
import type { Comparison } from './comparison.ts'
import type { Forms } from './forms.ts'
import type { LiveEvent } from './live-event.ts'
import { bearsOurName } from './live-facts.ts'
import type { Objects } from './objects.ts'

export interface OtherReplicasParts {
  policy: () => Policy
  /** Whether this replica acts on the object. */
  owns: (key: string) => boolean
  objects: Objects
  forms: Forms
  comparison: Comparison
  arrival: Arrival
}

/**
 * Objects that other replicas act on. They are compared all the same: what is as Git says needs no look when that replica is gone,
 * and the rest is known at once. Their forms serve admission too.
 */
export class OtherReplicas {
  readonly #parts: OtherReplicasParts
  /** Those that are not known to be as Git says. */
  readonly #unsettled = new Set<string>()

  constructor(parts: OtherReplicasParts) {
    this.#parts = parts
  }

  unsettled(): Iterable<string> {
    return this.#unsettled
  }

  /** Looks at an object that another replica acts on; `declared` is undefined for one that Git does not name. */
  look(
    key: string,
    declared: Declared | undefined,
    event: LiveEvent | undefined,
  ): undefined | Promise<undefined> {
    this.#unsettled.add(key)
    // One that was deleted will be seen again.
    if (declared === undefined || event?.last !== undefined) return undefined
    const live = event?.object
    const canonical = declared.canonical()
    if (live === undefined || canonical?.object.apiVersion !== live.apiVersion)
      return this.#read(key, declared)
    this.#note(key, declared, canonical, live)
    return undefined
  }

  /** It is this replica's now, or nobody's. */
  forget(key: string): void {
    this.#unsettled.delete(key)
  }

  async #read(key: string, declared: Declared): Promise<undefined> {
    const { forms, objects } = this.#parts
    const form = await forms.form(declared.manifest)
    if (!('canonical' in form)) return undefined
    const { canonical } = form
    const { kind, namespace, name } = declared.manifest.ref
    const live = await objects.get({ apiVersion: canonical.object.apiVersion, kind, namespace, name })
    if (live !== undefined) this.#note(key, declared, canonical, live)
    return undefined
  }

  #note(key: string, declared: Declared, canonical: Canonical, live: KubeObject): void {
    const { owns, comparison, policy, arrival, forms } = this.#parts
    // A repair that is half done is finished by whoever looks after it next.
    if (bearsOurName(live) || owns(key)) return
    const { changes } = comparison.differences(policy(), declared, canonical, live)
    if (changes.length > 0) return
    this.#unsettled.delete(key)
    arrival.note(key, declared, { is: 'equal', live, canonical }).equalIn = forms.epoch
  }
}
