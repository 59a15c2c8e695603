import type { Json, JsonObject } from '../model/json.ts'
import type { FieldChange, Path, Segment, Shape } from '../model/path.ts'
import { equalJson, fieldOf, isObject, setKey, stableStringify } from './json.ts'
import { orderCounts } from './order.ts'
import { equalQuantity } from './quantity.ts'

/**
 * What differs between two values, field by field: objects are descended, items of keyed lists are matched by all their
 * keys and reported whole where one side lacks them, sets compare as sets, other lists in order. An absent object is
 * descended as an empty one (`/metadata/labels/a` was added, though there were no labels), but an empty object or list that comes or
 * goes is a change itself: `emptyDir: {}` means something.
 */
export function difference(before: Json | undefined, after: Json | undefined, shape?: Shape): FieldChange[] {
  const changes: FieldChange[] = []
  compare(before, after, shape, [], changes)
  return changes
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  shape: Shape | undefined,
  path: Segment[],
  changes: FieldChange[],
): void {
  if (before === after) return
  if (canDescend(before, after, isObject)) {
    compareObjects(before as JsonObject | undefined, after as JsonObject | undefined, shape, path, changes)
  } else if (canDescend(before, after, Array.isArray)) {
    compareLists((before ?? []) as Json[], (after ?? []) as Json[], shape, path, changes)
  } else if (!equalScalars(before, after, shape)) {
    changes.push(change(path, before, after))
  }
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
  if (equalJson(before, after)) return true
  return shape?.quantity === true && equalQuantity(before, after)
}

function compareObjects(
  before: JsonObject | undefined,
  after: JsonObject | undefined,
  shape: Shape | undefined,
  path: Segment[],
  changes: FieldChange[],
): void {
  for (const key of Object.keys(before ?? {})) {
    const left = before![key]
    const right = fieldOf(after, key)
    if (left === right) continue
    path.push(key)
    compare(left, right, fieldShape(shape, key), path, changes)
    path.pop()
  }
  for (const key of Object.keys(after ?? {})) {
    if (before !== undefined && Object.hasOwn(before, key)) continue
    path.push(key)
    compare(undefined, after![key], fieldShape(shape, key), path, changes)
    path.pop()
  }
}

function fieldShape(shape: Shape | undefined, key: string): Shape | undefined {
  if (shape === undefined) return undefined
  return shape.fields !== undefined && Object.hasOwn(shape.fields, key) ? shape.fields[key] : shape.items
}

function compareLists(
  before: Json[],
  after: Json[],
  shape: Shape | undefined,
  path: Segment[],
  changes: FieldChange[],
): void {
  const list = shape?.list
  if (list === 'set') compareSets(before, after, path, changes)
  else if (typeof list === 'object' && before.every(isObject) && after.every(isObject)) {
    compareKeyed(
      before as JsonObject[],
      after as JsonObject[],
      { keys: list.keys, item: shape?.items },
      path,
      changes,
    )
  } else compareInOrder(before, after, shape?.items, path, changes)
}

function compareKeyed(
  before: JsonObject[],
  after: JsonObject[],
  { keys, item }: { keys: readonly string[]; item: Shape | undefined },
  path: Segment[],
  changes: FieldChange[],
): void {
  const left = byKeys(before, keys)
  const right = byKeys(after, keys)
  const field = path.findLast((segment) => typeof segment === 'string')
  if (typeof field === 'string' && (orderCounts(field, before) || orderCounts(field, after))) {
    const there = [...left.keys()].filter((key) => right.has(key))
    const order = [...right.keys()].filter((key) => left.has(key))
    if (there.some((key, index) => key !== order[index])) {
      changes.push(change(path, before, after))
      return
    }
  }
  for (const [key, { index, value }] of left) {
    const other = right.get(key)
    path.push({ keys: keysOf(value, keys), index })
    if (other === undefined) changes.push(change(path, value, undefined))
    else compare(value, other.value, item, path, changes)
    path.pop()
  }
  for (const [key, { index, value }] of right) {
    if (left.has(key)) continue
    changes.push(change([...path, { keys: keysOf(value, keys), index }], undefined, value))
  }
}

/** Items by the text of their keys. Those that share their keys are told apart by their order. */
function byKeys(
  items: JsonObject[],
  keys: readonly string[],
): Map<string, { index: number; value: JsonObject }> {
  const map = new Map<string, { index: number; value: JsonObject }>()
  for (const [index, value] of items.entries()) {
    let text = keys.map((key) => stableStringify(fieldOf(value, key) ?? null)).join(',')
    while (map.has(text)) text += '+'
    map.set(text, { index, value })
  }
  return map
}

function keysOf(item: JsonObject, keys: readonly string[]): { [key: string]: Json } {
  const values: JsonObject = {}
  for (const key of keys) setKey(values, key, fieldOf(item, key) ?? null)
  return values
}

function compareSets(before: Json[], after: Json[], path: Segment[], changes: FieldChange[]): void {
  const left = new Set(before.map(stableStringify))
  const right = new Set(after.map(stableStringify))
  for (const [index, value] of before.entries()) {
    if (!right.has(stableStringify(value)))
      changes.push(change([...path, { value, index }], value, undefined))
  }
  for (const [index, value] of after.entries()) {
    if (!left.has(stableStringify(value))) changes.push(change([...path, { value, index }], undefined, value))
  }
}

/** What is the same at both ends is set aside: what is left was added, removed, or changed one by one. */
function compareInOrder(
  before: Json[],
  after: Json[],
  item: Shape | undefined,
  path: Segment[],
  changes: FieldChange[],
): void {
  if (before.length === after.length) {
    for (const [index, value] of before.entries()) {
      path.push(index)
      compare(value, after[index], item, path, changes)
      path.pop()
    }
    return
  }
  const same = (a: Json | undefined, b: Json | undefined) => equalJson(a, b)
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && same(before[start], after[start])) start++
  let end = 0
  while (end < shorter - start && same(before.at(-1 - end), after.at(-1 - end))) end++
  if (start + end < shorter) {
    changes.push(change(path, before, after))
    return
  }
  for (let index = start; index < before.length - end; index++)
    changes.push(change([...path, index], before[index], undefined))
  for (let index = start; index < after.length - end; index++)
    changes.push(change([...path, index], undefined, after[index]))
}

function change(path: Path, before: Json | undefined, after: Json | undefined): FieldChange {
  if (before === undefined) return { path: [...path], op: 'add', after: after! }
  if (after === undefined) return { path: [...path], op: 'remove', before }
  return { path: [...path], op: 'replace', before, after }
}
