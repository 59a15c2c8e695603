/** What two answers to the same manifest tell about the server's own doing. */
import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange, Path, Shape } from '../model/path.ts'
import { difference } from '../object/difference.ts'
import { pathKey } from '../object/path.ts'

/**
 * Where two answers differ, the server fills in something of its own. An item that only one of them has is named by something random, so its
 * whole list is the server's.
 */
export function generatedPaths(one: KubeObject, other: KubeObject, shape: Shape | undefined): Path[] {
  const paths = new Map<string, Path>()
  for (const change of difference(one, other, shape)) {
    const path = ownPath(change)
    paths.set(pathKey(path), path)
  }
  return [...paths.values()]
}

function ownPath({ path, op }: FieldChange): Path {
  return op !== 'replace' && typeof path.at(-1) !== 'string' ? path.slice(0, -1) : path
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
