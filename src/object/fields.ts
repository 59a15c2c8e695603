import type { Json } from '../model/json.ts'
import type { Path, Segment } from '../model/path.ts'
import { stableStringify } from './json.ts'
import { isKeyedItem, parsePointer } from './path.ts'
import { compilePattern, matches, type Pattern } from './pattern.ts'

/** Whether patterns reach a place in an object. */
export interface FieldMatcher {
  /** A pattern names this place or one above it. */
  covers(path: Path): boolean
  /** A pattern names this place or one below it. */
  touches(path: Path): boolean
}

/** One segment of a pattern: a text, or the keys of an item. */
export type FieldToken = { text: Pattern } | { keys: readonly (readonly [key: string, value: Pattern])[] }

/**
 * Reads a pattern of an allowance's `fields`: a JSON Pointer in which `*` stands for any run of characters of a segment,
 * an item of a set is named by its value and one of a keyed list by its keys: `[name=app]`, `[port=53,protocol=UDP]`.
 * Where a key's value holds a comma, write `*` for it.
 *
 * @throws Error that says what would be right.
 */
export function parseField(pattern: string): readonly FieldToken[] {
  if (pattern === '' || !pattern.startsWith('/')) {
    throw invalid(pattern, 'must be a JSON Pointer such as /spec/replicas')
  }
  const parts = pattern.slice(1).split('/')
  if (parts.includes('')) {
    throw invalid(
      pattern,
      'must have a name between its slashes, such as /spec/replicas (* for any, ~1 for a / in a name)',
    )
  }
  const tokens = (() => {
    try {
      return parsePointer(pattern)
    } catch {
      throw invalid(pattern, 'must write / inside a name as ~1 and ~ as ~0')
    }
  })()
  return tokens.map((token) => parseToken(token, pattern))
}

function parseToken(token: string, pattern: string): FieldToken {
  const open = token.indexOf('[')
  if (open < 0) return { text: compilePattern(token) }
  if (open > 0) {
    throw invalid(
      pattern,
      `must name an item in a segment of its own: ${token.slice(0, open)}/${token.slice(open)}`,
    )
  }
  if (!token.endsWith(']')) {
    throw invalid(
      pattern,
      'must name an item of a list by its keys, such as [name=app]; a / in a value is ~1',
    )
  }
  const keys = token
    .slice(1, -1)
    .split(',')
    .map((pair) => {
      const equals = pair.indexOf('=')
      if (equals <= 0) throw invalid(pattern, 'must name an item of a list by its keys, such as [name=app]')
      return [pair.slice(0, equals), compilePattern(pair.slice(equals + 1))] as const
    })
  return { keys }
}

function invalid(pattern: string, rule: string): Error {
  return new Error(`a field ${rule}: current value is ${JSON.stringify(pattern)}`)
}

/**
 * Compiles patterns into one test: do it once, and ask it often.
 *
 * @throws Error for a pattern that cannot be read.
 */
export function compileFields(patterns: readonly string[]): FieldMatcher {
  const compiled = patterns.map(parseField)
  return {
    covers: (path) => compiled.some((tokens) => tokens.length <= path.length && agrees(tokens, path)),
    touches: (path) => compiled.some((tokens) => tokens.length >= path.length && agrees(tokens, path)),
  }
}

function agrees(tokens: readonly FieldToken[], path: Path): boolean {
  const length = Math.min(tokens.length, path.length)
  for (let index = 0; index < length; index++) if (!names(tokens[index]!, path[index]!)) return false
  return true
}

function names(token: FieldToken, segment: Segment): boolean {
  if ('keys' in token) {
    if (typeof segment !== 'object' || !isKeyedItem(segment)) return false
    const { keys } = segment
    return token.keys.every(([key, value]) => Object.hasOwn(keys, key) && matches(value, textOf(keys[key]!)))
  }
  if (typeof segment === 'string') return matches(token.text, segment)
  if (typeof segment === 'number') return matches(token.text, String(segment))
  if ('value' in segment) return matches(token.text, textOf(segment.value))
  return matches(token.text, String(segment.index))
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : stableStringify(value)
}
