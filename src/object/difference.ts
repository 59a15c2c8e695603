import type { Json, JsonObject } from '../model/json.ts'
import type { FieldChange, Path, Segment, Shape } from '../model/path.ts'
import { groupOf } from './identity.ts'
import { equalJson, fieldOf, isObject, setKey, stableStringify } from './json.ts'
import { orderCounts, orderIsMeaningless } from './order.ts'
import { equalQuantity } from './quantity.ts'

/** Where a comparison is, and what it found. */
interface Walk {
  readonly path: Segment[]
  readonly changes: FieldChange[]
  /** `group/Kind` of the objects that are compared; '' for other values. */
  readonly kind: string
}

/** True of every kind's metadata, also where nobody knows the kind's schema. */
const METADATA: Shape = {
  fields: { finalizers: { list: 'set' }, ownerReferences: { list: { keys: ['uid'] } } },
}

/**
 * What differs between two values, field by field: objects are descended, items of keyed lists are matched by all their
 * keys and reported whole where one side lacks them, sets compare as sets, other lists in order. An absent object is
 * descended as an empty one (`/metadata/labels/a` was added, though there were no labels), but an empty object or list
 * that comes or goes is a change itself: `emptyDir: {}` means something. A list whose order counts is one value when it
 * comes or goes.
 */
export function difference(before: Json | undefined, after: Json | undefined, shape?: Shape): FieldChange[] {
  if (equalJson(before, after)) return []
  const walk: Walk = { path: [], changes: [], kind: kindOf(before ?? after) }
  compare(before, after, shape, walk)
  return walk.changes
}

function kindOf(value: Json | undefined): string {
  const apiVersion = fieldOf(value, 'apiVersion')
  const kind = fieldOf(value, 'kind')
  return typeof apiVersion === 'string' && typeof kind === 'string' ? `${groupOf(apiVersion)}/${kind}` : ''
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  shape: Shape | undefined,
  walk: Walk,
): void {
  if (before === after) return
  if (isObject(before ?? after) && canDescend(before, after, isObject)) {
    compareObjects(before as JsonObject | undefined, after as JsonObject | undefined, shape, walk)
  } else if (Array.isArray(before ?? after) && canDescend(before, after, Array.isArray)) {
    compareLists(before as Json[] | undefined, after as Json[] | undefined, shape, walk)
  } else if (!equalScalars(before, after, shape)) note(walk, before, after)
}

/** Both are of the kind, or one is and is not empty while the other is absent. */
function canDescend(
  before: Json | undefined,
  after: Json | undefined,
  is: (value: unknown) => boolean,
): boolean {
  if (before === undefined) return is(after) && Object.keys(after as object).length > 0
  if (after === undefined) return is(before) && Object.keys(before as object).length > 0
  return is(before) && is(after)
}

function equalScalars(before: Json | undefined, after: Json | undefined, shape: Shape | undefined): boolean {
  return equalJson(before, after) || (shape?.quantity === true && equalQuantity(before, after))
}

function compareObjects(
  before: JsonObject = {},
  after: JsonObject = {},
  shape: Shape | undefined,
  walk: Walk,
): void {
  for (const key of Object.keys(before)) {
    const left = before[key]
    const right = Object.hasOwn(after, key) ? after[key] : undefined
    if (left === right) continue
    walk.path.push(key)
    compare(left, right, fieldShape(shape, key, walk), walk)
    walk.path.pop()
  }
  for (const key of Object.keys(after)) {
    if (Object.hasOwn(before, key)) continue
    walk.path.push(key)
    compare(undefined, after[key], fieldShape(shape, key, walk), walk)
    walk.path.pop()
  }
}

function fieldShape(shape: Shape | undefined, key: string, { path, kind }: Walk): Shape | undefined {
  const known =
    shape?.fields !== undefined && Object.hasOwn(shape.fields, key) ? shape.fields[key] : shape?.items
  return known === undefined && key === 'metadata' && path.length === 1 && kind !== '' ? METADATA : known
}

function compareLists(
  before: Json[] | undefined,
  after: Json[] | undefined,
  shape: Shape | undefined,
  walk: Walk,
): void {
  if (equalJson(before, after)) return
  const list = shape?.list
  if (list === 'set') compareSets(before ?? [], after ?? [], walk)
  else if (typeof list === 'object' && (before ?? []).every(isObject) && (after ?? []).every(isObject)) {
    compareKeyed(
      before as JsonObject[] | undefined,
      after as JsonObject[] | undefined,
      list.keys,
      shape?.items,
      walk,
    )
  } else if (before === undefined || after === undefined) note(walk, before, after)
  else {
    const aligned = orderIsMeaningless(walk.kind, walk.path) ? inOrderOf(before, after) : after
    compareInOrder(before, aligned, shape?.items, walk)
  }
}

/** What one side has more often is a difference as well: not every server refuses a member that comes twice. */
function compareSets(before: Json[], after: Json[], walk: Walk): void {
  const left = counted(before)
  const right = counted(after)
  for (const [index, value] of before.entries()) {
    if (!taken(right, value)) note(walk, value, undefined, { value, index })
  }
  for (const [index, value] of after.entries()) {
    if (!taken(left, value)) note(walk, undefined, value, { value, index })
  }
}

function counted(values: Json[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) {
    const key = stableStringify(value)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** Takes one of a value out; false where none is left. */
function taken(counts: Map<string, number>, value: Json): boolean {
  const key = stableStringify(value)
  const left = counts.get(key) ?? 0
  counts.set(key, left - 1)
  return left > 0
}

/** What is the same at both ends is set aside: what is left was added, removed, or changed one by one. */
function compareInOrder(before: Json[], after: Json[], item: Shape | undefined, walk: Walk): void {
  if (before.length === after.length) {
    for (let index = 0; index < before.length; index++) at(walk, index, before[index], after[index], item)
    return
  }
  const shorter = Math.min(before.length, after.length)
  const same = (a: Json | undefined, b: Json | undefined) => difference(a, b, item).length === 0
  let start = 0
  while (start < shorter && same(before[start], after[start])) start++
  let end = 0
  while (end < shorter - start && same(before.at(-1 - end), after.at(-1 - end))) end++
  if (start + end < shorter) {
    note(walk, before, after)
    return
  }
  for (let index = start; index < before.length - end; index++) note(walk, before[index], undefined, index)
  for (let index = start; index < after.length - end; index++) note(walk, undefined, after[index], index)
}

/** The items of `after`, those that `before` has too where it has them, the others in the places that are left. */
function inOrderOf(before: readonly Json[], after: readonly Json[]): Json[] {
  const left = [...after]
  const aligned = before.map((item) => {
    const place = left.findIndex((other) => equalJson(item, other))
    return place < 0 ? undefined : left.splice(place, 1)[0]
  })
  const filled = aligned.map((item) => item ?? left.shift()).filter((item) => item !== undefined)
  return [...filled, ...left]
}

interface Item {
  value: JsonObject
  index: number
}

function compareKeyed(
  before: JsonObject[] | undefined,
  after: JsonObject[] | undefined,
  keys: readonly string[],
  shape: Shape | undefined,
  walk: Walk,
): void {
  if (before !== undefined && after !== undefined && areInStep(before, after, keys)) {
    compareInStep(before, after, keys, shape, walk)
    return
  }
  const left = byKeys(before ?? [], keys)
  const right = byKeys(after ?? [], keys)
  if (isReordered(left, right) && (orderCounts(walk.path, before!) || orderCounts(walk.path, after!))) {
    note(walk, before, after)
    return
  }
  if (before === undefined || after === undefined) {
    // Items that share their keys have no name of their own: then the list is told as a whole.
    if (left.size !== (before ?? []).length || right.size !== (after ?? []).length) {
      note(walk, before, after)
      return
    }
  }
  for (const [key, items] of left) compareSameKeys(items, right.get(key) ?? [], keys, shape, walk)
  for (const [key, items] of right) if (!left.has(key)) compareSameKeys([], items, keys, shape, walk)
}

/** Whether the items have the same keys place by place, as nearly all lists have. */
function areInStep(before: JsonObject[], after: JsonObject[], keys: readonly string[]): boolean {
  return (
    before.length === after.length && before.every((item, index) => haveSameKeys(item, after[index]!, keys))
  )
}

function haveSameKeys(a: JsonObject, b: JsonObject, keys: readonly string[]): boolean {
  for (const key of keys) if (!equalJson(fieldOf(a, key) ?? null, fieldOf(b, key) ?? null)) return false
  return true
}

function compareInStep(
  before: JsonObject[],
  after: JsonObject[],
  keys: readonly string[],
  shape: Shape | undefined,
  walk: Walk,
): void {
  for (const [index, value] of before.entries()) {
    const other = after[index]!
    if (equalJson(value, other)) continue
    const isOnly = before.every((item, place) => place === index || !haveSameKeys(item, value, keys))
    at(walk, isOnly ? { keys: keysOf(value, keys), index } : index, value, other, shape)
  }
}

/** Items with the same keys. Mostly there is one at each side; of several the first is the first, and so on. */
function compareSameKeys(
  left: readonly Item[],
  right: readonly Item[],
  keys: readonly string[],
  shape: Shape | undefined,
  walk: Walk,
): void {
  const isOnly = left.length < 2 && right.length < 2
  for (let place = 0; place < Math.max(left.length, right.length); place++) {
    const ours = left[place]
    const theirs = right[place]
    const { value, index } = (ours ?? theirs)!
    const segment = isOnly ? { keys: keysOf(value, keys), index } : index
    if (ours === undefined || theirs === undefined) note(walk, ours?.value, theirs?.value, segment)
    else at(walk, segment, ours.value, theirs.value, shape)
  }
}

function byKeys(items: readonly JsonObject[], keys: readonly string[]): Map<string, Item[]> {
  const map = new Map<string, Item[]>()
  for (const [index, value] of items.entries()) {
    const text = keys.map((key) => stableStringify(fieldOf(value, key) ?? null)).join(',')
    const same = map.get(text)
    if (same === undefined) map.set(text, [{ value, index }])
    else same.push({ value, index })
  }
  return map
}

function keysOf(item: JsonObject, keys: readonly string[]): JsonObject {
  const values: JsonObject = {}
  for (const key of keys) setKey(values, key, fieldOf(item, key) ?? null)
  return values
}

/** Whether what both have comes in another order. */
function isReordered(left: ReadonlyMap<string, unknown>, right: ReadonlyMap<string, unknown>): boolean {
  const ours = [...left.keys()].filter((key) => right.has(key))
  const theirs = [...right.keys()].filter((key) => left.has(key))
  return ours.some((key, index) => key !== theirs[index])
}

function at(
  walk: Walk,
  segment: Segment,
  before: Json | undefined,
  after: Json | undefined,
  shape: Shape | undefined,
): void {
  walk.path.push(segment)
  compare(before, after, shape, walk)
  walk.path.pop()
}

/** Writes a change down. The path is the one that the walk is at, and one segment more where it is given. */
function note(walk: Walk, before: Json | undefined, after: Json | undefined, segment?: Segment): void {
  const path: Path = segment === undefined ? [...walk.path] : [...walk.path, segment]
  if (before === undefined) walk.changes.push({ path, op: 'add', after: after! })
  else if (after === undefined) walk.changes.push({ path, op: 'remove', before })
  else walk.changes.push({ path, op: 'replace', before, after })
}
