/** What two answers to the same manifest tell about the server's own doing. */
import type { KubeObject } from '../model/json.ts'
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

/** Fields that the server added to or changed in a manifest; items of lists count as one. */
export function filledPatterns(
  manifest: KubeObject,
  canonical: KubeObject,
  shape: Shape | undefined,
): Set<string> {
  const patterns = new Set<string>()
  for (const { path } of difference(manifest, canonical, shape)) {
    patterns.add(pathKey(path.map((segment) => (typeof segment === 'string' ? segment : 0))))
  }
  return patterns
}
