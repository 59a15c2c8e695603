import type { ObjectRef } from '../model/identity.ts'
import { refKey } from '../object/identity.ts'

/** An object that the guard has applied, or is about to. */
export interface InventoryEntry {
  ref: ObjectRef
  /** Of the manifest that was applied last; '' where none was for certain. */
  hash: string
  /** Git's last version of it says that it stays when Git drops it. */
  keep: boolean
}

/**
 * What a source brought into the cluster: kept there, so that what Git drops is deleted whoever remembers it. Written before
 * anything is applied, so that nothing is ever there that it does not hold.
 */
export interface Inventory {
  /** The commit that is being applied, or was last; '' where none was. */
  revision: string
  /** Whether all of that commit is there, and nothing that it dropped. */
  complete: boolean
  /** By `refKey`. */
  entries: ReadonlyMap<string, InventoryEntry>
}

export const emptyInventory: Inventory = { revision: '', complete: false, entries: new Map() }

/** One line of a chunk: names only. */
export function writeEntry({ ref, hash, keep }: InventoryEntry): string {
  const { group, kind, namespace, name } = ref
  return JSON.stringify([group, kind, namespace, name, hash, ...(keep ? ['keep'] : [])])
}

/** The entries of a chunk's text; lines that are none are left out. */
export function readEntries(text: string): Map<string, InventoryEntry> {
  const entries = new Map<string, InventoryEntry>()
  for (const line of text.split('\n')) {
    const entry = readEntry(line)
    if (entry !== undefined) entries.set(refKey(entry.ref), entry)
  }
  return entries
}

function readEntry(line: string): InventoryEntry | undefined {
  if (line === '') return undefined
  let parts: unknown
  try {
    parts = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!Array.isArray(parts) || parts.length < 5 || !parts.every((part) => typeof part === 'string'))
    return undefined
  const [group, kind, namespace, name, hash, keep] = parts as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ]
  if (kind === '' || name === '') return undefined
  return { ref: { group, kind, namespace, name }, hash, keep: keep === 'keep' }
}

/**
 * Where each entry is written: it stays in the chunk where it is, so that chunks which are written one after the other
 * never lose one between them; a new one goes into the first with room. Chunks are numbered from 0; there is always one.
 */
export function placeEntries(
  entries: ReadonlyMap<string, InventoryEntry>,
  before: readonly ReadonlySet<string>[],
  longest: number,
): Map<string, InventoryEntry>[] {
  const chunks = before.map(() => new Map<string, InventoryEntry>())
  const sizes = before.map(() => 0)
  const put = (index: number, key: string, entry: InventoryEntry) => {
    chunks[index]!.set(key, entry)
    sizes[index] = (sizes[index] ?? 0) + Buffer.byteLength(writeEntry(entry)) + 1
  }
  const fresh: [string, InventoryEntry][] = []
  for (const [key, entry] of entries) {
    const index = before.findIndex((chunk) => chunk.has(key))
    if (index < 0) fresh.push([key, entry])
    else put(index, key, entry)
  }
  let index = 0
  for (const [key, entry] of fresh) {
    const size = Buffer.byteLength(writeEntry(entry)) + 1
    while (index < chunks.length && (sizes[index] ?? 0) + size > longest) index++
    if (index === chunks.length) chunks.push(new Map())
    put(index, key, entry)
  }
  while (chunks.length > 1 && chunks.at(-1)!.size === 0) chunks.pop()
  return chunks.length === 0 ? [new Map()] : chunks
}
