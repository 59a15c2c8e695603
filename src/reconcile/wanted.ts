import type { Canonical } from '../model/desired.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange, KeyedItem, Path, Segment, SetItem } from '../model/path.ts'
import { cloneJson, equalJson, fieldOf, isObject, setKey } from '../object/json.ts'
import { getAt, hasKeys, isKeyedItem, pathKey } from '../object/path.ts'

/** How live differs from the canonical form, as `compare` of src/drift says. */
export interface Differences {
  changes: readonly FieldChange[]
  covered: readonly { change: FieldChange }[]
}

/**
 * The object to PUT: live with every difference taken back to what the canonical form holds. What the server allocated,
 * what allowances cover and status stay as live has them; resourceVersion stays too, so that a newer version is never
 * overwritten. managedFields are left out: the server keeps its own.
 */
export function wanted(
  { object: canonical, generated }: Pick<Canonical, 'object' | 'generated'>,
  live: KubeObject,
  { changes, covered }: Differences,
): KubeObject {
  const object = cloneJson(live)
  for (const change of changes) takeBack(canonical, object, change.path)
  // A whole that came from the canonical form brought these along.
  for (const { change } of covered)
    put(object, change.path, change.op === 'remove' ? undefined : change.after)
  const isTakenBack = (place: Path) => changes.some(({ path }) => pathKey(path).startsWith(pathKey(place)))
  for (const path of generated) if (!isTakenBack(path)) put(object, path, getAt(live, path))
  delete object.metadata['managedFields']
  return object
}

/** A place on the way to a difference, in the canonical form and in the object to be. */
interface Step {
  from: Json | undefined
  to: Json
  segment: Segment
}

/** Gives the place at `path` in `object` the value that it has in `canonical`, or none. */
function takeBack(canonical: Json, object: Json, path: Path): void {
  const steps: Step[] = []
  let from: Json | undefined = canonical
  let to: Json = object
  for (const [index, segment] of path.entries()) {
    if (mustBeWhole(from, to, segment)) {
      if (Array.isArray(to)) to.splice(0, to.length, ...(Array.isArray(from) ? cloneJson(from) : []))
      break
    }
    steps.push({ from, to, segment })
    const fromNext: Json | undefined = getAt(from, [segment])
    const toNext = getAt(to, [segment])
    if (index === path.length - 1 || (fromNext !== undefined && !sameSort(fromNext, toNext))) {
      if (fromNext === undefined) remove(to, segment)
      else set(to, segment, cloneJson(fromNext), from)
      break
    }
    if (toNext === undefined) break
    from = fromNext
    to = toNext
  }
  dropEmptied(steps)
}

/**
 * Items whose number, not name, says which they are become Git's together where the numbers no longer match; so do
 * items that share their keys, and a member of a set that is there twice.
 */
function mustBeWhole(from: Json | undefined, to: Json, segment: Segment): boolean {
  if (typeof segment === 'string' || !Array.isArray(to)) return false
  const git = Array.isArray(from) ? from : []
  if (typeof segment === 'number') return git.length !== to.length
  const isNamed = (item: Json) =>
    isKeyedItem(segment) ? isObject(item) && hasKeys(item, segment.keys) : equalJson(item, segment.value)
  const named = (list: readonly Json[]) => list.filter(isNamed).length
  return named(to) > 1 || named(git) > 1
}

/** A map or list that a removal left empty goes too where Git has none. */
function dropEmptied(steps: readonly Step[]): void {
  for (let depth = steps.length - 1; depth > 0; depth--) {
    const { from, to } = steps[depth]!
    const above = steps[depth - 1]!
    if (from !== undefined || !isEmpty(to)) return
    remove(above.to, above.segment)
  }
}

/** Puts a value where its parent is, or removes it. */
function put(object: Json, path: Path, value: Json | undefined): void {
  const parent = getAt(object, path.slice(0, -1))
  const last = path.at(-1)
  if (parent === undefined || last === undefined || equalJson(getAt(parent, [last]), value)) return
  if (value === undefined) remove(parent, last)
  else set(parent, last, cloneJson(value), undefined)
}

function set(parent: Json, segment: Segment, value: Json, git: Json | undefined): void {
  if (typeof segment === 'string') {
    if (isObject(parent)) setKey(parent, segment, value)
  } else if (!Array.isArray(parent)) return
  else if (typeof segment === 'number') {
    if (segment < parent.length) parent[segment] = value
  } else {
    const index = indexOf(parent, segment)
    if (index >= 0) parent[index] = value
    else insert(parent, segment, value, Array.isArray(git) ? git : [])
  }
}

/** Puts an item where Git has it: behind the nearest item before it that is there, else first; last where Git has none. */
function insert(list: Json[], segment: KeyedItem | SetItem, value: Json, git: readonly Json[]): void {
  const place = indexOf(git, segment)
  for (let before = place - 1; before >= 0; before--) {
    const neighbour = indexOf(list, nameOf(git[before]!, segment))
    if (neighbour >= 0) {
      list.splice(neighbour + 1, 0, value)
      return
    }
  }
  list.splice(place < 0 ? list.length : 0, 0, value)
}

function remove(parent: Json, segment: Segment): void {
  if (typeof segment === 'string') {
    if (isObject(parent)) delete parent[segment]
  } else if (!Array.isArray(parent)) return
  else if (typeof segment === 'number') {
    if (segment < parent.length) parent.splice(segment, 1)
  } else {
    const index = indexOf(parent, segment)
    if (index >= 0) parent.splice(index, 1)
  }
}

function indexOf(list: readonly Json[], segment: KeyedItem | SetItem): number {
  if (isKeyedItem(segment)) return list.findIndex((item) => isObject(item) && hasKeys(item, segment.keys))
  return list.findIndex((item) => equalJson(item, segment.value))
}

/** The segment that names `item` in the way in which `like` names its own. */
function nameOf(item: Json, like: KeyedItem | SetItem): KeyedItem | SetItem {
  if (!isKeyedItem(like)) return { value: item, index: 0 }
  const keys: { [key: string]: Json } = {}
  for (const key of Object.keys(like.keys)) setKey(keys, key, fieldOf(item, key) ?? null)
  return { keys, index: 0 }
}

function sameSort(a: Json, b: Json | undefined): boolean {
  return b !== undefined && Array.isArray(a) === Array.isArray(b) && isObject(a) === isObject(b)
}

function isEmpty(value: Json): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0
}
