import type { FieldChange, Path, Segment } from '../model/path.ts'
import type { Json } from '../model/json.ts'
import { equalJson } from './json.ts'
import { isKeyedItem } from './path.ts'

/** Whether a difference lies in a place that the server fills, and is such as it may fill in. */
export function isGenerated({ path, before, after }: FieldChange, generated: readonly Path[]): boolean {
  return isAt(path, generated) && !(isAddress(before) && isNone(after))
}

/** Whether a path is one of these places or lies beneath one. */
export function isAt(path: Path, places: readonly Path[]): boolean {
  return places.some((place) => holds(place, path))
}

/** Whether a path is a place or lies beneath it. */
function holds(place: Path, path: Path): boolean {
  return place.length <= path.length && place.every((segment, index) => isSame(segment, path[index]!))
}

function isSame(a: Segment, b: Segment): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  if (isKeyedItem(a)) return isKeyedItem(b) && equalJson(a.keys, b.keys)
  return !isKeyedItem(b) && equalJson(a.value, b.value)
}

/** What the server allocates is another address, never a word: that is somebody's wish. */
function isAddress(value: Json | undefined): boolean {
  return typeof value === 'string' && /^[\d.]+$|^[\da-f:.]*:[\da-f:.]*$/i.test(value)
}

function isNone(value: Json | undefined): boolean {
  return typeof value === 'string' && value !== '' && !isAddress(value)
}
