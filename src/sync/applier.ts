import type { Manifest } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { ResourceInfo } from '../model/identity.ts'
import { cleanManifest } from '../cluster/clean-manifest.ts'
import { guardManager } from '../reconcile/agent-writer.ts'
import { targetOf } from '../reconcile/objects.ts'
import type { Objects } from '../reconcile/objects.ts'
import { readRefusal } from '../reconcile/refusal.ts'
import type { InventoryEntry } from './inventory.ts'
import { takenOver } from './take-over.ts'

export interface ApplierOptions {
  objects: Objects
  /** The resource of a kind at its preferred version. */
  resourceFor(group: string, kind: string): ResourceInfo | undefined
  /** Field managers of the source's own agents. */
  managers: readonly string[]
  /** What cannot be changed may be deleted and made anew. */
  recreate: boolean
}

/** Brings single objects in and takes them away, as `gitops-guard` by server-side apply. */
export class Applier {
  readonly #options: ApplierOptions

  constructor(options: ApplierOptions) {
    this.#options = options
  }

  /**
   * Applies a manifest; resolves with the object as it is stored then. Rejects with what the API server refused it with.
   *
   * @param first the source brings it in for the first time: who brought it in before is not asked to let go of its fields
   */
  async apply(manifest: Manifest, first: boolean): Promise<KubeObject> {
    const { objects, recreate } = this.#options
    const object = cleanManifest(manifest.object, manifest.ref.namespace)
    if (first) await this.#takeOver(object)
    let after: KubeObject
    try {
      after = await objects.apply(object, { fieldManager: guardManager, force: true })
    } catch (error) {
      const refusal = readRefusal(error, 'put')
      if (!recreate || refusal.kind !== 'final' || !refusal.immutable) throw error
      await this.#delete(object)
      after = await objects.apply(object, { fieldManager: guardManager, force: true })
    }
    if (after.metadata['deletionTimestamp'] !== undefined)
      throw new Error('it is being deleted: it comes back when that is done')
    return after
  }

  /** Deletes an object at any version. Resolves when the API server has taken it, or where it is gone. */
  async remove({ ref }: InventoryEntry): Promise<void> {
    const resource = this.#options.resourceFor(ref.group, ref.kind)
    // With its definition went all of its kind.
    if (resource === undefined) return
    const { group, version, kind } = resource
    const apiVersion = group === '' ? version : `${group}/${version}`
    await this.#delete({
      apiVersion,
      kind,
      metadata: { name: ref.name, ...(ref.namespace === '' ? {} : { namespace: ref.namespace }) },
    })
  }

  /** The live object of an entry; undefined where it is gone. */
  async live({ ref }: InventoryEntry): Promise<KubeObject | undefined> {
    const resource = this.#options.resourceFor(ref.group, ref.kind)
    if (resource === undefined) return undefined
    const { group, version } = resource
    return this.#options.objects.get({ ...ref, apiVersion: group === '' ? version : `${group}/${version}` })
  }

  async #delete(named: KubeObject): Promise<void> {
    const { objects } = this.#options
    const live = await objects.get(targetOf(named))
    if (live === undefined || live.metadata['deletionTimestamp'] !== undefined) return
    try {
      await objects.delete(targetOf(named), { uid: String(live.metadata['uid']) })
    } catch (error) {
      if (readRefusal(error, 'delete').kind !== 'gone') throw error
    }
  }

  async #takeOver(object: KubeObject): Promise<void> {
    const { objects, managers } = this.#options
    for (let attempt = 0; attempt < 5; attempt++) {
      const live = await objects.get(targetOf(object))
      const taken = live && takenOver(live, object.apiVersion, managers)
      if (taken === undefined) return
      try {
        await objects.put(taken, { fieldManager: guardManager })
        return
      } catch (error) {
        if (readRefusal(error, 'put').kind !== 'stale') throw error
      }
    }
  }
}
