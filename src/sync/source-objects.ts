import type { DesiredState, Manifest } from '../model/desired.ts'
import { refKey } from '../object/identity.ts'
import { comesAndGoes } from '../reconcile/live-facts.ts'
import type { SyncGit } from './sync-git.ts'
import { syncObjects } from './sync-object.ts'
import type { SyncObject } from './sync-object.ts'

/** A source's commit as a sync works on it; by key as `refKey` makes it. */
export interface Wanted {
  state: DesiredState
  objects: readonly SyncObject[]
  byKey: ReadonlyMap<string, SyncObject>
  manifests: ReadonlyMap<string, Manifest>
}

/**
 * What a source brings in: what it declares and no source before it does. Hooks, and objects whose name the server makes, are left to
 * the tools that they are for.
 */
export class SourceObjects {
  readonly #source: string
  readonly #git: Pick<SyncGit, 'state' | 'holderOf'>
  #newest: Wanted | undefined

  constructor(source: string, git: Pick<SyncGit, 'state' | 'holderOf'>) {
    this.#source = source
    this.#git = git
  }

  /** Of the commit in force; undefined before the first. Made once for each. */
  now(): Wanted | undefined {
    const state = this.#git.state()
    if (state === undefined || this.#newest?.state === state) return state && this.#newest
    const own = state.manifests.filter(
      ({ ref, object }) => this.#git.holderOf(ref) === this.#source && !comesAndGoes(object),
    )
    const objects = syncObjects(own)
    this.#newest = {
      state,
      objects,
      byKey: new Map(objects.map((object) => [object.key, object])),
      manifests: new Map(own.map((manifest) => [refKey(manifest.ref), manifest])),
    }
    return this.#newest
  }
}
