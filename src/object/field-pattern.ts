import type { Path, Segment } from '../model/path.ts'
import { stableStringify } from './json.ts'
import { isKeyedItem } from './path.ts'

/**
 * The pattern of an allowance's `fields` that names exactly this place: items of keyed lists by their keys, those of sets
 * by their value. What the grammar cannot spell (a comma in a key's value) becomes `*`.
 */
export function fieldPattern(path: Path): string {
  return path.map((segment) => `/${token(segment)}`).join('')
}

function token(segment: Segment): string {
  if (typeof segment === 'number') return String(segment)
  if (typeof segment === 'string') return named(segment)
  if (!isKeyedItem(segment)) return named(textOf(segment.value))
  const keys = Object.entries(segment.keys).map(([key, value]) => {
    const text = textOf(value)
    return `${escaped(key)}=${/[,\n]/.test(text) ? '*' : escaped(text)}`
  })
  return `[${keys.join(',')}]`
}

/** The grammar knows `[` only as the beginning of an item's keys. */
function named(text: string): string {
  return text === '' ? '*' : escaped(text.replaceAll('[', '*'))
}

function textOf(value: Parameters<typeof stableStringify>[0]): string {
  return typeof value === 'string' ? value : stableStringify(value)
}

function escaped(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1')
}
