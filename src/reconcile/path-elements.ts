import type { Path } from '../model/path.ts'
import { stableStringify } from '../object/json.ts'

/**
 * A path as managedFields write it. It ends before the first index: a list whose order counts is owned as a whole.
 */
export function pathElements(path: Path): string[] {
  const elements: string[] = []
  for (const segment of path) {
    if (typeof segment === 'number') break
    if (typeof segment === 'string') elements.push(`f:${segment}`)
    else if ('keys' in segment) elements.push(`k:${stableStringify(segment.keys)}`)
    else elements.push(`v:${stableStringify(segment.value)}`)
  }
  return elements
}
