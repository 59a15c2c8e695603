import type { Json, KubeObject } from '../model/json.ts'
import { cloneJson, equalJson, fieldOf, isObject, setKey } from '../object/json.ts'
import { getAt, hasKeys } from '../object/path.ts'
import type { FieldChange, KeyedItem, Path, Segment, SetItem } from '../model/path.ts'

/**
 * The object to PUT: live with every given difference taken back to what the canonical form holds. What the server
 * allocated, what allowances cover and status stay as live has them, because they are no differences; resourceVersion
 * stays too, so that a newer version is never overwritten. managedFields are left out: the server keeps its own.
 */
export function wanted(canonical: KubeObject, live: KubeObject, changes: readonly FieldChange[]): KubeObject {
  const object = cloneJson(live)
  for (const change of changes) takeBack(canonical, object, change.path)
  delete object.metadata['managedFields']
  return object
}

/** Gives the place at `path` in `object` the value that it has in `canonical`, or none. */
function takeBack(canonical: Json, object: Json, path: Path): void {
  const parents: { from: Json | undefined; to: Json; segment: Segment }[] = []
  let from: Json | undefined = canonical
  let to: Json = object
  for (const [index, segment] of path.entries()) {
    if (typeof segment === 'number' && Array.isArray(to)) {
      // The order of this list counts, so its items are no places of their own: it becomes Git's as a whole.
      if (Array.isArray(from)) to.splice(0, to.length, ...cloneJson(from))
      return
    }
    parents.push({ from, to, segment })
    const fromNext: Json | undefined = from === undefined ? undefined : getAt(from, [segment])
    const toNext = getAt(to, [segment])
    const last = index === path.length - 1
    if (last || toNext === undefined || (fromNext !== undefined && !sameSort(fromNext, toNext))) {
      if (fromNext === undefined) remove(to, segment)
      else set(to, segment, cloneJson(fromNext), from)
      break
    }
    from = fromNext
    to = toNext
  }
  dropEmptied(parents)
}

/** A map or list that a removal left empty goes too where Git has none. */
function dropEmptied(parents: readonly { from: Json | undefined; to: Json; segment: Segment }[]): void {
  for (let depth = parents.length - 1; depth > 0; depth--) {
    const { from, to } = parents[depth]!
    const above = parents[depth - 1]!
    if (from !== undefined || !isEmpty(to)) return
    remove(above.to, above.segment)
  }
}

function set(parent: Json, segment: Segment, value: Json, git: Json | undefined): void {
  if (typeof segment === 'string') {
    if (!isObject(parent)) return
    setKey(parent, segment, value)
  } else if (Array.isArray(parent) && typeof segment !== 'number') {
    const index = indexOf(parent, segment)
    if (index >= 0) parent[index] = value
    else insert(parent, segment, value, Array.isArray(git) ? git : [])
  }
}

/** Puts an item where Git has it: behind the nearest item before it that is there, else first. */
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
  } else if (Array.isArray(parent) && typeof segment !== 'number') {
    // All of them: a list may hold an item twice where the server lets it.
    for (let index = indexOf(parent, segment); index >= 0; index = indexOf(parent, segment))
      parent.splice(index, 1)
  }
}

function indexOf(list: readonly Json[], segment: KeyedItem | SetItem): number {
  if ('keys' in segment) return list.findIndex((item) => isObject(item) && hasKeys(item, segment.keys))
  return list.findIndex((item) => equalJson(item, segment.value))
}

/** The segment that names `item` in the way in which `like` names its own. */
function nameOf(item: Json, like: KeyedItem | SetItem): KeyedItem | SetItem {
  if (!('keys' in like)) return { value: item, index: 0 }
  const keys: { [key: string]: Json } = {}
  for (const key of Object.keys(like.keys)) keys[key] = fieldOf(item, key) ?? null
  return { keys, index: 0 }
}

function sameSort(a: Json, b: Json): boolean {
  return Array.isArray(a) === Array.isArray(b) && isObject(a) === isObject(b)
}

function isEmpty(value: Json): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0
}
