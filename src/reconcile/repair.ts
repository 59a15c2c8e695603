import type { KubeObject } from '../model/json.ts'
import type { Canonical, Manifest } from '../model/desired.ts'
import type { Shape } from '../model/path.ts'
import { guardManager } from './agent-writer.ts'
import type { AgentWriter } from './agent-writer.ts'
import { FieldSet } from './field-set.ts'
import { handBack } from './hand-back.ts'
import { readManagedFields, writeManagedFields } from './managed-fields.ts'
import type { ManagedEntry } from './managed-fields.ts'
import type { Objects } from './objects.ts'
import { targetOf } from './objects.ts'
import { namesNobody } from './live-facts.ts'
import { readRefusal } from './refusal.ts'
import { stamped } from './stamps.ts'
import type { Stamps } from './stamps.ts'
import { wanted } from './wanted.ts'
import type { Differences } from './wanted.ts'

/** An object that was changed, and how to put it back. */
export interface Modified {
  manifest: Manifest
  /** What the API server would store for the manifest. */
  canonical: Pick<Canonical, 'object' | 'generated'>
  live: KubeObject
  differences: Differences
  agent: AgentWriter | undefined
}

/** An object that is gone, and how the agent would make it. */
export interface Missing {
  manifest: Manifest
  agent: AgentWriter | undefined
  stamps: Stamps
}

/** An object whose managedFields may hold the guard's name. */
export interface Unfinished {
  manifest: Manifest
  live: KubeObject
  agent: AgentWriter | undefined
  stamps: Stamps
  shape?: Shape | undefined
  /** The agent's entry from before, where it is known. */
  entry?: ManagedEntry | undefined
}

/** Carries repairs out. Every method resolves with the object as the API server then stores it. */
export class Repairer {
  readonly #objects: Objects

  constructor(objects: Objects) {
    this.#objects = objects
  }

  /**
   * Puts a changed object back with one write, on exactly the version that was compared. Where the agent updates, the
   * write bears its name and ownership is as it was; where it applies, `finish` must follow.
   */
  putBack({ canonical, live, differences, agent }: Modified): Promise<KubeObject> {
    const updates = agent?.operation === 'Update'
    return this.#objects.put(wanted(canonical, live, differences), {
      fieldManager: updates ? agent.manager : guardManager,
    })
  }

  /**
   * Creates a missing object as the agent would, by a POST: if it is there after all, nothing happens to it and this
   * rejects with a 409. Where the agent applies, `finish` must follow.
   */
  create({ manifest, agent, stamps }: Missing): Promise<KubeObject> {
    const updates = agent?.operation === 'Update'
    return this.#objects.create(clean(stamped(manifest.object, stamps)), {
      fieldManager: updates ? agent.manager : guardManager,
    })
  }

  /**
   * Takes the guard's name out of managedFields after a repair, or after one that a crash cut in two. A newer version
   * is read and finished instead. Resolves with undefined where nothing was left to do.
   */
  async finish(unfinished: Unfinished): Promise<KubeObject | undefined> {
    let { live } = unfinished
    for (let attempt = 0; ; attempt++) {
      const object = await this.#handedBack(unfinished, live)
      if (object === undefined) return undefined
      try {
        return await this.#objects.put(object, { fieldManager: guardManager })
      } catch (error) {
        const refusal = readRefusal(error, 'put')
        if (refusal.kind === 'gone') return undefined
        if (refusal.kind !== 'stale' || attempt === 5) throw error
        const newer = await this.#objects.get(targetOf(live))
        if (newer === undefined) return undefined
        live = newer
      }
    }
  }

  /** Deletes an object in exactly this version. */
  remove(live: KubeObject): Promise<void> {
    const { uid, resourceVersion } = live.metadata
    return this.#objects.delete(targetOf(live), {
      uid: String(uid),
      ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
    })
  }

  async #handedBack(unfinished: Unfinished, live: KubeObject): Promise<KubeObject | undefined> {
    const { manifest, agent, stamps, shape, entry } = unfinished
    if (namesNobody(live)) return this.#named(live, unfinished)
    // The agent's stamps are part of what it applies.
    const applied = stamped(manifest.object, { ...stamps, lastApplied: false })
    const back = handBack(live, applied, agent, shape)
    if (back === undefined || agent?.operation !== 'Apply') return back?.object
    if (entry !== undefined) return withFields(back.object, agent, () => entry.fields)
    if (!back.uncertain) return back.object
    const exact = (await this.#asWritten(live, manifest, agent, stamps))?.fields
    if (exact === undefined) return back.object
    const before = readManagedFields(live).find(isOf(agent))?.fields ?? FieldSet.empty
    return withFields(back.object, agent, () => before.union(exact))
  }

  /** An object that names nobody again named as its agent's; undefined where that cannot be told. */
  async #named(live: KubeObject, { manifest, agent, stamps, entry }: Unfinished) {
    if (agent === undefined) return undefined
    const own = entry ?? (await this.#asWritten(live, manifest, agent, stamps))
    return own && { ...live, metadata: { ...live.metadata, managedFields: writeManagedFields([own]) } }
  }

  /** Asks the API server what it would note of the agent if it brought its manifest in now. */
  async #asWritten(
    live: KubeObject,
    manifest: Manifest,
    agent: AgentWriter,
    stamps: Stamps,
  ): Promise<ManagedEntry | undefined> {
    const options = { fieldManager: agent.manager, dryRun: true }
    const applies = agent.operation === 'Apply'
    const object = clean(stamped(manifest.object, applies ? { ...stamps, lastApplied: false } : stamps))
    object.metadata['name'] = applies ? live.metadata['name']! : 'gitops-guard-probe'
    try {
      const answer = applies
        ? await this.#objects.apply(object, { ...options, force: true })
        : await this.#objects.create(object, options)
      return readManagedFields(answer).find(isOf(agent))
    } catch {
      // Better nobody's than wrong: the next time that the agent applies it takes what it declares.
      return undefined
    }
  }
}

function withFields(object: KubeObject, agent: AgentWriter, fields: () => FieldSet): KubeObject {
  const entries = readManagedFields(object).map((entry) =>
    isOf(agent)(entry) ? { ...entry, fields: fields() } : entry,
  )
  return { ...object, metadata: { ...object.metadata, managedFields: writeManagedFields(entries) } }
}

function isOf(agent: AgentWriter): (entry: ManagedEntry) => boolean {
  return ({ manager, operation, subresource }) =>
    manager === agent.manager && operation === agent.operation && subresource === ''
}

/** A manifest without what only the server may say. */
function clean(object: KubeObject): KubeObject {
  for (const key of [
    'resourceVersion',
    'uid',
    'generation',
    'managedFields',
    'creationTimestamp',
    'selfLink',
  ]) {
    delete object.metadata[key]
  }
  delete object['status']
  return object
}
