import type { Path, Segment } from '../model/path.ts'
import { stableStringify } from './json.ts'
import { isKeyedItem, isSetItem, parsePointer } from './path.ts'

/** Whether patterns reach a place in an object. */
export interface FieldMatcher {
  /** A pattern names this place or one above it. */
  covers(path: Path): boolean
  /** A pattern names a place below this one. */
  touches(path: Path): boolean
}

type Token = { text: RegExp | string } | { keys: readonly (readonly [string, RegExp | string])[] }

/**
 * The grammar of an allowance's `fields`: JSON Pointers in which `*` stands for any run of characters of a segment, an item
 * of a set is named by its value and one of a keyed list by its keys: `[name=app]`, `[port=53,protocol=UDP]`.
 *
 * @throws Error that says what would be right.
 */
export function parseField(pattern: string): readonly Token[] {
  if (pattern === '' || !pattern.startsWith('/')) {
    throw new Error(
      `a field must be a JSON Pointer such as /spec/replicas: current value is ${JSON.stringify(pattern)}`,
    )
  }
  return parsePointer(pattern).map((token) => {
    if (!token.startsWith('[') || !token.endsWith(']')) return { text: glob(token) }
    const keys = token
      .slice(1, -1)
      .split(',')
      .map((pair) => {
        const equals = pair.indexOf('=')
        if (equals <= 0) {
          throw new Error(
            `an item is named by its keys, such as [name=app]: current value is ${JSON.stringify(token)}`,
          )
        }
        return [pair.slice(0, equals), glob(pair.slice(equals + 1))] as const
      })
    return { keys }
  })
}

/** @throws Error for a pattern that cannot be read. */
export function compileFields(patterns: readonly string[]): FieldMatcher {
  const compiled = patterns.map(parseField)
  return {
    covers: (path) => compiled.some((tokens) => tokens.length <= path.length && agrees(tokens, path)),
    touches: (path) => compiled.some((tokens) => tokens.length > path.length && agrees(tokens, path)),
  }
}

function agrees(tokens: readonly Token[], path: Path): boolean {
  const length = Math.min(tokens.length, path.length)
  for (let index = 0; index < length; index++) if (!names(tokens[index]!, path[index]!)) return false
  return true
}

function names(token: Token, segment: Segment): boolean {
  if ('keys' in token) {
    if (typeof segment !== 'object' || !isKeyedItem(segment)) return false
    return token.keys.every(([key, value]) => {
      const actual = Object.hasOwn(segment.keys, key) ? segment.keys[key]! : null
      return matches(value, typeof actual === 'string' ? actual : stableStringify(actual))
    })
  }
  if (typeof segment === 'string') return matches(token.text, segment)
  if (typeof segment === 'number') return matches(token.text, String(segment))
  if (isSetItem(segment)) {
    return matches(
      token.text,
      typeof segment.value === 'string' ? segment.value : stableStringify(segment.value),
    )
  }
  return token.text instanceof RegExp && token.text.test('')
    ? true
    : matches(token.text, String(segment.index))
}

function matches(pattern: RegExp | string, text: string): boolean {
  return typeof pattern === 'string' ? pattern === text : pattern.test(text)
}

/** A text with `*` as a regular expression; one without as it is. */
function glob(text: string): RegExp | string {
  if (!text.includes('*')) return text
  const parts = text.split(/\*+/).map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`)
}
