import type { FieldChange } from '../model/path.ts'
import type { ManagedEntry } from './managed-fields.ts'
import { pathElements } from './path-elements.ts'

/** Who owns what differs, as far as managedFields show it. */
export interface Owners {
  /** Managers that own a field that differs, newest first. */
  managers: string[]
  /** True where every difference is owned by one of `managers`: nothing is gone, nothing is nobody's. */
  complete: boolean
  /** Milliseconds since the epoch of the newest of these writes; managedFields know seconds. */
  writtenAt: number | undefined
}

/** Finds the managers that own the fields that differ. A field that was removed has no owner. */
export function ownersOf(entries: readonly ManagedEntry[], changes: readonly FieldChange[]): Owners {
  const owning = new Set<ManagedEntry>()
  let complete = changes.length > 0
  for (const change of changes) {
    const elements = pathElements(change.path)
    const owners = change.op === 'remove' ? [] : entries.filter(({ fields }) => fields.touches(elements))
    if (owners.length === 0) complete = false
    for (const owner of owners) owning.add(owner)
  }
  const newest = [...owning].toSorted((a, b) => time(b) - time(a))
  const writtenAt = newest[0] === undefined ? Number.NaN : time(newest[0])
  return {
    managers: [...new Set(newest.map(({ manager }) => manager))],
    complete,
    writtenAt: writtenAt > 0 ? writtenAt : undefined,
  }
}

function time(entry: ManagedEntry): number {
  const parsed = entry.time === undefined ? Number.NaN : Date.parse(entry.time)
  return Number.isNaN(parsed) ? 0 : parsed
}
