import type { GeneratedItem } from '../model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { Path } from '../model/path.ts'
import { cloneJson, equalJson, fieldOf, isObject } from './json.ts'
import { getAt, hasKeys, isKeyedItem } from './path.ts'

/**
 * The object with the items that the server made up names for called as `wanted` calls them, so that the two can be
 * compared. An item is taken for such a one where only one side has it, its name begins as the server's do, and the
 * rest of it is what the server made: then each of one side is given one of the other.
 */
export function withGeneratedNames<T extends JsonObject>(
  wanted: KubeObject | JsonObject,
  object: T,
  items: readonly GeneratedItem[] = [],
): T {
  let copy: T | undefined
  for (const item of items) {
    const ours = getAt(wanted, item.list)
    const theirs = getAt(copy ?? object, item.list)
    if (!Array.isArray(ours) || !Array.isArray(theirs)) continue
    const isOf = (other: readonly Json[]) => (candidate: Json) =>
      !other.some((one) => isSame(one, candidate, item)) && isLike(candidate, item)
    const names = ours.filter(isOf(theirs))
    const places = theirs.filter(isOf(ours))
    if (names.length === 0 || places.length === 0) continue
    copy ??= cloneJson(object)
    const list = getAt(copy, item.list) as Json[]
    for (const [index, name] of names.entries()) {
      const place = places[index]
      if (place !== undefined) list[theirs.indexOf(place)] = name
    }
  }
  return copy ?? object
}

/** Whether two items bear the same name. */
function isSame(one: Json, other: Json, { keys }: GeneratedItem): boolean {
  if (keys === undefined) return equalJson(one, other)
  const named: JsonObject = {}
  for (const key of keys) named[key] = fieldOf(other, key) ?? null
  return isObject(one) && hasKeys(one, named)
}

/** Whether an item is what the server makes, but for what it makes up. */
function isLike(candidate: Json, { item, madeUp }: GeneratedItem): boolean {
  if (madeUp.some(({ path, begins }) => !beginsWith(getAt(candidate, path), begins))) return false
  const paths = madeUp.map(({ path }) => path)
  return equalJson(without(candidate, paths), without(item, paths))
}

function beginsWith(value: Json | undefined, begins: string): boolean {
  return begins === '' ? value !== undefined : typeof value === 'string' && value.startsWith(begins)
}

function without(item: Json, paths: readonly Path[]): Json {
  const copy = cloneJson(item)
  for (const path of paths) {
    const last = path.at(-1)
    if (last === undefined) return null
    const parent = getAt(copy, path.slice(0, -1))
    if (isObject(parent) && typeof last === 'string') delete parent[last]
    else if (Array.isArray(parent)) {
      const index = typeof last === 'number' ? last : parent.findIndex((one) => isNamed(one, last))
      if (index >= 0) parent[index] = null
    }
  }
  return copy
}

function isNamed(item: Json, segment: Path[number]): boolean {
  if (typeof segment !== 'object') return false
  return isKeyedItem(segment) ? isObject(item) && hasKeys(item, segment.keys) : equalJson(item, segment.value)
}
