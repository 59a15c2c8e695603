import { randomUUID } from 'node:crypto'
import type { Manifest } from '../model/desired.ts'
import type { FieldChange } from '../model/path.ts'
import type { AgentWriter } from './agent-writer.ts'
import type { Answer } from './ahead.ts'
import { lineOf } from '../object/line-of.ts'
import type { Finding } from './events.ts'
import type { Relapse } from './fights.ts'
import type { ManagedEntry } from './managed-fields.ts'
import { pathKey } from '../object/path.ts'
import type { Reason } from './remedy.ts'
import type { Stamps } from './stamps.ts'

/** What is remembered of an object while it differs. */
export interface Trouble {
  /** The same while the same differs. */
  signature: string
  /** Hash of the manifest in force when it was found; '' for what Git does not name. */
  manifest: string
  finding: Finding
  told: boolean
  /** What asking who is ahead said, since it was found. */
  answer: Answer | undefined
  /** The repair that the API server refused for good. */
  refused: { why: string; immutable: boolean } | undefined
  remains: Remains | undefined
  /** How often its namespace or kind was not there. */
  attempts: number
}

/** What a deleted object tells of how its agent made it. */
export interface Remains {
  writer: AgentWriter | undefined
  stamps: Stamps
  /** The agent's entry in its managedFields, if it was as Git says. */
  entry: ManagedEntry | undefined
}

/** The objects that differ, each with what is known about it. */
export class Troubles {
  readonly #troubles = new Map<string, Trouble>()

  get(key: string): Trouble | undefined {
    return this.#troubles.size === 0 ? undefined : this.#troubles.get(key)
  }

  /** The trouble that the object is in already, or a new one where something else differs now. */
  find(
    key: string,
    signature: string,
    about: Omit<Finding, 'id' | 'remedy' | 'reason' | 'origin'>,
    manifest?: Manifest,
  ): Trouble {
    const current = this.#troubles.get(key)
    if (current?.signature === signature) return current
    const finding: Finding = { id: randomUUID(), ...about, remedy: 'none', reason: 'ask' }
    const [first] = about.changes
    if (manifest !== undefined) {
      const line = first === undefined ? manifest.origin.line : lineOf(manifest, first.path)
      finding.origin = { ...manifest.origin, line }
    }
    const trouble: Trouble = {
      signature,
      manifest: manifest?.hash ?? '',
      finding,
      told: false,
      answer: undefined,
      refused: undefined,
      remains: about.drift === 'missing' ? current?.remains : undefined,
      attempts: 0,
    }
    this.#troubles.set(key, trouble)
    return trouble
  }

  delete(key: string): void {
    this.#troubles.delete(key)
  }

  keys(): Iterable<string> {
    return this.#troubles.keys()
  }

  /** The objects about which was decided for this reason. */
  *withReason(reason: Reason): Iterable<string> {
    for (const [key, { finding }] of this.#troubles) if (finding.reason === reason) yield key
  }

  /** The objects of a source that differ. */
  *ofSource(source: string): Iterable<string> {
    for (const [key, { finding }] of this.#troubles) if (finding.source === source) yield key
  }
}

/** How this trouble would be known again. */
export function relapseOf({ finding, signature }: Trouble, now: number): Relapse {
  const { changes, actor, drift } = finding
  const fields = changes.map(({ path }: FieldChange) => pathKey(path)).join(' ')
  return { now, signature, fields: `${drift} ${fields}`, writer: actor.username }
}
