import { createHash } from 'node:crypto'
import type { Actor } from '../model/actor.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Json } from '../model/json.ts'
import type { FieldChange, Path } from '../model/path.ts'
import { refKey } from '../object/identity.ts'
import { isObject, stableStringify } from '../object/json.ts'
import { pathKey } from '../object/path.ts'

/** A write or a delete whose author the API server authenticated: from a review or an audit event. */
export interface RecordedWrite {
  ref: ObjectRef
  actor: Actor
  /** Milliseconds since the epoch at which it was judged or, in an audit event, finished. */
  time: number
  /** What it changed; empty with `deleted`. Values may be masked, then they only match masked ones. */
  changes: readonly FieldChange[]
  deleted?: boolean
}

interface Written {
  actor: Actor
  time: number
  /** Hash of the value that was written: no value of an object stays in memory. '' where the field was removed. */
  hash: string
}

interface Record {
  time: number
  /** By path. */
  fields: Map<string, Written>
  deleted: { actor: Actor; time: number } | undefined
}

/**
 * Remembers who wrote what, where that is certain. Bounded in objects and in fields of each, oldest out first; an entry
 * speaks only for a field that still holds what was written.
 */
export class Ledger {
  readonly #records = new Map<string, Record>()
  readonly #objects: number
  readonly #fields: number

  constructor(bounds: { objects?: number; fieldsPerObject?: number } = {}) {
    this.#objects = bounds.objects ?? 10_000
    this.#fields = bounds.fieldsPerObject ?? 200
  }

  get size(): number {
    return this.#records.size
  }

  record(write: RecordedWrite): void {
    const key = refKey(write.ref)
    const record = this.#records.get(key) ?? { time: 0, fields: new Map(), deleted: undefined }
    this.#records.delete(key)
    this.#records.set(key, record)
    record.time = write.time
    if (write.deleted) {
      record.deleted = { actor: write.actor, time: write.time }
      record.fields.clear()
    }
    for (const change of write.changes) this.#note(record, change, write)
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= this.#objects) break
      this.#records.delete(oldest)
    }
  }

  /** Who last gave this field the value that it has (undefined: removed it); undefined where no record says so. */
  writerOf(ref: ObjectRef, path: Path, value: Json | undefined): Actor | undefined {
    return this.written(ref, path, value)?.actor
  }

  /** As writerOf, with the time of the write in milliseconds since the epoch. */
  written(ref: ObjectRef, path: Path, value: Json | undefined): { actor: Actor; time: number } | undefined {
    const record = this.#records.get(refKey(ref))
    if (record === undefined) return undefined
    const written = record.fields.get(pathKey(path))
    if (written !== undefined && written.hash === hashOf(value)) return written
    // A field inside something that was written as a whole, or a whole whose parts were written by one actor.
    if (value === undefined) return undefined
    let found: Written | undefined
    for (const [leaf, inside] of leaves(path, value)) {
      const one = record.fields.get(leaf)
      if (one === undefined || one.hash !== hashOf(inside)) return undefined
      if (found !== undefined && found.actor.username !== one.actor.username) return undefined
      if (found === undefined || one.time > found.time) found = one
    }
    return found
  }

  /** Who deleted this object, if that was recorded within `withinMs` before `now`. */
  deleterOf(ref: ObjectRef, now: number, withinMs: number): { actor: Actor; time: number } | undefined {
    const deleted = this.#records.get(refKey(ref))?.deleted
    return deleted !== undefined && now - deleted.time <= withinMs ? deleted : undefined
  }

  forget(ref: ObjectRef): void {
    this.#records.delete(refKey(ref))
  }

  #note(record: Record, change: FieldChange, { actor, time }: RecordedWrite): void {
    const value = change.op === 'remove' ? undefined : change.after
    const note = (key: string, hash: string) => {
      record.fields.delete(key)
      record.fields.set(key, { actor, time, hash })
    }
    note(pathKey(change.path), hashOf(value))
    if (value !== undefined)
      for (const [leaf, inside] of leaves(change.path, value)) note(leaf, hashOf(inside))
    for (const oldest of record.fields.keys()) {
      if (record.fields.size <= this.#fields) break
      record.fields.delete(oldest)
    }
  }
}

/** The scalars and empty values inside a value, each with its path. Lists are leaves: their keys are not known here. */
function* leaves(path: Path, value: Json): Iterable<[string, Json]> {
  if (isObject(value) && Object.keys(value).length > 0) {
    for (const [key, inside] of Object.entries(value)) yield* leaves([...path, key], inside)
  } else {
    yield [pathKey(path), value]
  }
}

function hashOf(value: Json | undefined): string {
  return value === undefined
    ? ''
    : createHash('sha256').update(stableStringify(value)).digest('base64').slice(0, 16)
}
