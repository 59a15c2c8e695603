import type { Canonical, Manifest } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { FieldChange, Path } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { compare } from '../drift/compare.ts'
import { isAt } from '../object/generated-places.ts'
import { equalJson } from '../object/json.ts'
import { declares, pathKey } from '../object/path.ts'
import { allowancesOf } from './allowances.ts'
import type { Forms } from './forms.ts'
import type { Earlier } from './history.ts'
import type { Ledger } from './ledger.ts'
import { signatureOf } from './signature.ts'
import { wanted } from './wanted.ts'
import type { Differences } from './wanted.ts'

/** A form that Git gave an object, and how live differs from it. */
export interface Base {
  manifest: Manifest
  canonical: Canonical
  differences: Differences
}

/** Compares live objects with what the API server would store for their manifests. */
export class Comparison {
  readonly #forms: Forms
  readonly #ledger: Ledger
  /** Differences from the canonical form that the API server confirmed to be its own, by object. */
  readonly #accepted = new Map<string, { epoch: number; signature: string }>()

  constructor(options: { forms: Forms; ledger: Ledger }) {
    this.#forms = options.forms
    this.#ledger = options.ledger
  }

  /** From memory. `manifest` is an earlier one where live is compared with what Git said before. */
  differences(
    policy: Policy,
    declared: Declared,
    canonical: Canonical,
    live: KubeObject,
    manifest: Manifest = declared.manifest,
  ): Differences {
    return compare(canonical, live, {
      shape: declared.shape(),
      allowances: allowancesOf(policy, declared, live),
      manifest: manifest.object,
      writerOf: (path, value) => this.#ledger.writerOf(manifest.ref, path, value),
    })
  }

  /**
   * What differs from the canonical form and from what the API server would store now as well: admission may have
   * changed since, in a way that leaves existing objects alone.
   */
  async confirmed(policy: Policy, declared: Declared, canonical: Canonical, live: KubeObject, key: string) {
    const differences = this.differences(policy, declared, canonical, live)
    const { changes, covered } = differences
    if (changes.length === 0) return differences
    const { epoch } = this.#forms
    const signature = signatureOf(changes)
    const accepted = this.#accepted.get(key)
    if (accepted?.epoch === epoch && accepted.signature === signature) return { changes: [], covered }
    const answer = await this.#forms.confirm(declared.manifest, live)
    if (answer === undefined) return this.#withoutLater(declared, canonical, live, { differences, key })
    const still = this.differences(policy, declared, { ...canonical, object: answer }, live).changes
    // An item may be all new to one of them and only changed to the other.
    const isStill = ({ path }: FieldChange) => still.some((other) => overlap(path, other.path))
    // What the server fills in it keeps on an update, whoever chose it: that confirms nothing.
    const both = changes.filter((change) => isAt(change.path, canonical.generated) || isStill(change))
    const confirmed = await this.#withoutSelfMade(policy, declared, canonical, live, both)
    if (confirmed.length === 0) this.#accepted.set(key, { epoch, signature })
    // A repair must leave alone what is no drift.
    const others = changes.filter((change) => !confirmed.includes(change)).map((change) => ({ change }))
    return { changes: confirmed, covered: [...covered, ...others] }
  }

  /**
   * What Git does not name and the API server would put right by itself whatever is written: nobody could have changed it
   * while admission was as it is. Admission changed since, and any write brings it in.
   */
  async #withoutSelfMade(
    policy: Policy,
    declared: Declared,
    canonical: Canonical,
    live: KubeObject,
    changes: FieldChange[],
  ): Promise<FieldChange[]> {
    const { manifest } = declared
    const isOpen = ({ op, path }: FieldChange) => op !== 'add' && !declares(manifest.object, path)
    if (!changes.some(isOpen)) return changes
    const answer = await this.#forms.confirm({ ...manifest, object: live }, live)
    if (answer === undefined) return changes
    const made = new Map(
      this.differences(policy, declared, { ...canonical, object: answer }, live).changes.map(
        ({ path, before }) => [pathKey(path), before],
      ),
    )
    return changes.filter((change) => {
      const key = pathKey(change.path)
      return !(isOpen(change) && made.has(key) && equalJson(made.get(key), change.before))
    })
  }

  /**
   * Where the whole manifest cannot be put on live: what Git does not name, live lacks and nobody could have taken away
   * while the object exists was not filled in when it was created. Admission changed since.
   */
  async #withoutLater(
    { manifest }: Declared,
    canonical: Canonical,
    live: KubeObject,
    { differences, key }: { differences: Differences; key: string },
  ): Promise<Differences> {
    const { changes, covered } = differences
    const later: FieldChange[] = []
    for (const change of changes) {
      const { op, path } = change
      if (op !== 'remove' || path[0] === 'metadata' || declares(manifest.object, path)) continue
      const object = wanted(canonical, live, { changes: [change], covered: [] })
      if ((await this.#forms.isFixed?.({ ...manifest, object }, live)) === true) later.push(change)
    }
    if (later.length === 0) return differences
    const left = changes.filter((change) => !later.includes(change))
    if (left.length === 0)
      this.#accepted.set(key, { epoch: this.#forms.epoch, signature: signatureOf(changes) })
    return { changes: left, covered: [...covered, ...later.map((change) => ({ change }))] }
  }

  /** Whether differences of this object were found to be the API server's own. */
  isAccepted(key: string): boolean {
    return this.#accepted.size > 0 && this.#accepted.has(key)
  }

  forget(key: string): void {
    if (this.#accepted.size > 0) this.#accepted.delete(key)
  }

  /**
   * While the agent may not have brought the newest commit, live is compared with what Git said before as well: the
   * form that it is nearest to is the one that the agent is at, and what differs from that one is somebody's doing.
   */
  async nearest(
    policy: Policy,
    declared: Declared,
    live: KubeObject,
    newest: Base,
    earlier: readonly Earlier[],
  ): Promise<Base> {
    let nearest = newest
    for (const { manifest } of earlier.toReversed()) {
      if (manifest === undefined) continue
      const form = await this.#forms.form(manifest)
      if (!('canonical' in form)) continue
      const { canonical } = form
      if (canonical.object.apiVersion !== live.apiVersion) continue
      const differences = this.differences(policy, declared, canonical, live, manifest)
      if (differences.changes.length < nearest.differences.changes.length) {
        nearest = { manifest, canonical, differences }
      }
      if (differences.changes.length === 0) break
    }
    return nearest
  }
}

/** Whether one path is the other or lies beneath it. */
function overlap(one: Path, other: Path): boolean {
  const length = Math.min(one.length, other.length)
  return pathKey(one.slice(0, length)) === pathKey(other.slice(0, length))
}
