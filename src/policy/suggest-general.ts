import type { Path, Segment } from '../model/path.ts'
import type { WrittenField } from '../model/writer.ts'
import { fieldPattern } from '../object/field-pattern.ts'
import { isKeyedItem } from '../object/path.ts'

/** From so many names on an account is taken to do it to all of them; fewer are named. */
const SEVERAL = 3
/** From so many keys under one prefix on, the prefix is named. */
const MANY_KEYS = 3
const MANY_ITEMS = 3

/** Which objects: names as they are, `*` where there were several; namespaces are always named. */
export function generalObjects(records: readonly WrittenField[]): {
  namespaces?: readonly string[]
  names: readonly string[]
} {
  const objects = records.flatMap((record) => record.objects)
  const namespaces = [...new Set(objects.map(({ namespace }) => namespace))].filter((name) => name !== '')
  const names = [...new Set(objects.map(({ name }) => name))]
  const several = names.length >= SEVERAL || records.some(({ more }) => more === true)
  return {
    ...(namespaces.length === 0 ? {} : { namespaces: namespaces.toSorted() }),
    names: several ? ['*'] : names.toSorted(),
  }
}

/**
 * Patterns for these places: each as it is, but for several keys with one prefix under labels, annotations or a set
 * (`foo.dev/*`), the same field of several items, and of lists in order, whose indexes say nothing.
 */
export function generalFields(paths: readonly Path[]): string[] {
  const patterns = new Set<string>()
  const left = new Set(paths)
  const replace = (groups: Map<string, Path[]>, most: number) => {
    for (const [pattern, group] of groups) {
      const open = group.filter((path) => left.has(path))
      const different = new Set(open.map(fieldPattern)).size
      if (pattern === '' || different < most) continue
      patterns.add(pattern)
      for (const path of open) left.delete(path)
    }
  }
  replace(Map.groupBy(paths, prefixed), MANY_KEYS)
  replace(Map.groupBy(paths, ofAnyIndex), 2)
  replace(Map.groupBy(paths, ofAnyItem), MANY_ITEMS)
  for (const path of left) patterns.add(fieldPattern(path))
  return [...patterns].toSorted()
}

/** `/metadata/annotations/foo.dev~1*`; '' for a key without a prefix. */
function prefixed(path: Path): string {
  const last = path.at(-1)
  const text = typeof last === 'object' && !isKeyedItem(last) ? last.value : last
  if (path.length !== 3 || path[0] !== 'metadata' || typeof text !== 'string') return ''
  const slash = text.indexOf('/')
  if (slash <= 0 || text.includes('*')) return ''
  return fieldPattern([...path.slice(0, -1), `${text.slice(0, slash)}/*`])
}

function ofAnyIndex(path: Path): string {
  return general(path, (segment) => typeof segment === 'number')
}

/** The last item of a keyed list on the way, where the field is inside it. */
function ofAnyItem(path: Path): string {
  const at = path.findLastIndex((segment) => typeof segment === 'object' && isKeyedItem(segment))
  if (at < 0 || at === path.length - 1) return ''
  return general(path, (_, index) => index === at)
}

function general(path: Path, any: (segment: Segment, index: number) => boolean): string {
  if (!path.some(any)) return ''
  return path.map((segment, index) => (any(segment, index) ? '/*' : fieldPattern([segment]))).join('')
}
