/** What two answers to the same manifest tell about the server's own doing. */
import type { GeneratedItem } from '../model/desired.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange, Path, Shape } from '../model/path.ts'
import { difference } from '../object/difference.ts'
import { isKeyedItem, pathKey } from '../object/path.ts'

/** What the server fills in with something of its own. */
export interface Generated {
  paths: Path[]
  items: GeneratedItem[]
}

/**
 * Where two answers differ, the server fills in something of its own. Items that only one of them has are named by
 * something random: where both have as many in a list, one is another's under another name. Where not, the whole list
 * is the server's.
 */
export function generatedIn(one: KubeObject, other: KubeObject, shape: Shape | undefined): Generated {
  const paths = new Map<string, Path>()
  const lists = new Map<string, FieldChange[]>()
  for (const change of difference(one, other, shape)) {
    const { path, op } = change
    const last = path.at(-1)
    if (op === 'replace' || last === undefined || typeof last === 'string') paths.set(pathKey(path), path)
    else {
      const list = path.slice(0, -1)
      lists.set(pathKey(list), [...(lists.get(pathKey(list)) ?? []), change])
    }
  }
  const items: GeneratedItem[] = []
  for (const [key, changes] of lists) {
    const paired = pairs(changes)
    if (paired === undefined) paths.set(key, changes[0]!.path.slice(0, -1))
    else items.push(...paired)
  }
  return { paths: [...paths.values()], items }
}

/** The items of one answer, each with what the other made otherwise; undefined where they do not match one by one. */
function pairs(changes: readonly FieldChange[]): GeneratedItem[] | undefined {
  const ours = changes.filter(({ op }) => op === 'remove')
  const theirs = changes.filter(({ op }) => op === 'add')
  if (ours.length !== theirs.length) return undefined
  const found: GeneratedItem[] = []
  for (const { path, before } of ours) {
    const last = path.at(-1)!
    if (typeof last !== 'object' || before === undefined) return undefined
    const list = path.slice(0, -1)
    // Of several the one that has most in common.
    const [nearest] = theirs
      .map((change) => ({ change, madeUp: difference(before, change.after) }))
      .toSorted((a, b) => a.madeUp.length - b.madeUp.length)
    if (nearest === undefined) return undefined
    theirs.splice(theirs.indexOf(nearest.change), 1)
    const madeUp = nearest.madeUp.map((change) => ({
      path: change.path,
      begins: commonBeginning(change.before, change.after),
    }))
    found.push({
      list,
      item: before,
      ...(isKeyedItem(last) ? { keys: Object.keys(last.keys) } : {}),
      madeUp,
    })
  }
  return found
}

/** Up to the last sign that is no letter or digit: random texts may begin alike by chance. */
function commonBeginning(one: Json | undefined, other: Json | undefined): string {
  if (typeof one !== 'string' || typeof other !== 'string') return ''
  let length = 0
  while (length < one.length && one[length] === other[length]) length++
  return /^.*[^A-Za-z0-9]|/s.exec(one.slice(0, length))![0]
}

/** What the server made of a manifest by itself. */
export interface Filled {
  /** Fields that it added or changed, as texts; items of lists count as one. */
  patterns: Set<string>
  /** Fields that it added and that hold the time of the request: two answers within a second may agree on those. */
  times: Path[]
}

/** `now` in milliseconds since the epoch. */
export function filledIn(
  manifest: KubeObject,
  canonical: KubeObject,
  { shape, now }: { shape: Shape | undefined; now: number },
): Filled {
  const filled: Filled = { patterns: new Set(), times: [] }
  for (const { path, op, after } of difference(manifest, canonical, shape)) {
    filled.patterns.add(pathKey(path.map((segment) => (typeof segment === 'string' ? segment : 0))))
    if (op === 'add' && isTimeNear(after, now)) filled.times.push(path)
  }
  return filled
}

/** RFC 3339, or seconds or milliseconds since the epoch; clocks may be minutes apart. */
function isTimeNear(value: Json | undefined, now: number): boolean {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return false
  let time = NaN
  if (/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}/.test(text)) time = Date.parse(text)
  else if (/^\d{10}$/.test(text)) time = Number(text) * 1000
  else if (/^\d{13}$/.test(text)) time = Number(text)
  return Math.abs(time - now) < 600_000
}
