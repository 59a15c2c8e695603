import type { ObjectRef } from '../model/identity.ts'
import type { ObjectFacts } from './facts.ts'

export interface ObjectQuery {
  /** Words that must all be in the kind, namespace, name, status or source. */
  words: readonly string[]
  status?: string
  limit: number
}

export interface FoundObjects {
  /** Objects in all, and those that match. */
  total: number
  matched: number
  /** Of those that have the words, how many are in which status. */
  counts: Record<string, number>
  /** What wants to be looked at first. */
  objects: ObjectFacts[]
}

/** What is wrong comes before what waits, and that before what is as it should be. */
const RANKS = [
  'unrepairable',
  'fight',
  'modified',
  'missing',
  'undeclared',
  'invalid',
  'unattainable',
  'pending',
  'inSync',
]

/** Searches all objects: milliseconds for ten thousand. */
export function findObjects(all: Iterable<ObjectFacts>, { words, status, limit }: ObjectQuery): FoundObjects {
  const wanted = words.map((word) => word.toLowerCase())
  const counts = new Map<string, number>()
  const byRank = new Map<string, ObjectFacts[]>()
  let total = 0
  let matched = 0
  for (const object of all) {
    total++
    if (wanted.length > 0 && !hasAll(object, wanted)) continue
    counts.set(object.status, (counts.get(object.status) ?? 0) + 1)
    if (status !== undefined && object.status !== status) continue
    matched++
    const list = byRank.get(object.status)
    if (list === undefined) byRank.set(object.status, [object])
    else if (list.length < limit) list.push(object)
  }
  const statuses = [...byRank.keys()].toSorted((a, b) => rank(a) - rank(b))
  const objects = statuses.flatMap((name) => byRank.get(name)!).slice(0, limit)
  return { total, matched, counts: Object.fromEntries(counts), objects }
}

function hasAll({ ref, status, source }: ObjectFacts, words: readonly string[]): boolean {
  const text = `${textOf(ref)} ${source} ${status}`.toLowerCase()
  return words.every((word) => text.includes(word))
}

/** Not escaped, as it is not shown. */
function textOf({ group, kind, namespace, name }: ObjectRef): string {
  return `${kind}.${group} ${namespace}/${name}`
}

function rank(status: string): number {
  const at = RANKS.indexOf(status)
  return at < 0 ? RANKS.length : at
}
