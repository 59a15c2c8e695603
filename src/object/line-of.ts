import type { Manifest } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import type { Path, Segment } from '../model/path.ts'
import { equalJson, fieldOf, isObject } from './json.ts'
import { isKeyedItem } from './path.ts'

/**
 * The line of a manifest's file where a field is written, from 1; of the nearest field around it where Git does not
 * have it. The manifest's first line where more cannot be told.
 */
export function lineOf({ origin, written }: Pick<Manifest, 'origin' | 'written'>, path: Path): number {
  if (written === undefined || origin.approximate === true) return origin.line
  let value: Json = written.object
  let at = 0
  for (const segment of path) {
    const child = childIndex(value, segment)
    if (child === undefined) break
    const children: Json[] = Object.values(value as { [key: string]: Json })
    at += 1
    for (const before of children.slice(0, child)) at += countValues(before)
    value = children[child]!
  }
  return origin.line + (written.lines.charCodeAt(at) || 0)
}

/** Which of a value's children a segment names; keys that a manifest leaves to their defaults do not tell items apart. */
function childIndex(value: Json, segment: Segment): number | undefined {
  if (typeof segment === 'string')
    return isObject(value) ? found(Object.keys(value).indexOf(segment)) : undefined
  if (!Array.isArray(value)) return undefined
  if (typeof segment === 'number') return segment < value.length ? segment : undefined
  if (!isKeyedItem(segment)) return found(value.findIndex((item) => equalJson(item, segment.value)))
  const { keys } = segment
  return found(
    value.findIndex((item) =>
      Object.keys(keys).every((key) => equalJson(fieldOf(item, key) ?? keys[key], keys[key])),
    ),
  )
}

function found(index: number): number | undefined {
  return index < 0 ? undefined : index
}

function countValues(value: Json): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, inside) => sum + countValues(inside), 1)
}
