import type { Json, JsonObject } from '../model/json.ts'

/** `context.source` and `JSON.rawJSON` are in V8 but not yet in TypeScript's library. */
interface RawJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): unknown
}
const raw = JSON as unknown as RawJson

/** Digits that may be more than a double holds, and the same as a number of its own, not inside a text or a fraction. */
const MAYBE_HUGE = /\d{16}/
const STARTS_HUGE = /(?:^|[\s:,[])-?\d{16}/

/**
 * Reads JSON. Integers beyond 2^53 become bigint, so that they come out as they went in.
 *
 * @throws SyntaxError for what is no JSON.
 */
export function parseJson(text: string): Json {
  if (!MAYBE_HUGE.test(text) || !STARTS_HUGE.test(text)) return JSON.parse(text) as Json
  return raw.parse(text, (_, value, { source }) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source)
      ? BigInt(source)
      : value,
  ) as Json
}

/** Writes JSON; a bigint as the integer that it is. */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    // Plain JSON refuses bigint, and a replacer costs five times as much: so only where one is there.
    return JSON.stringify(value, (_, item: unknown) =>
      typeof item === 'bigint' ? raw.rawJSON(item.toString()) : item,
    )
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A field of an object; undefined where the value is no object or has no such key of its own. */
export function fieldOf(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** Sets a key that may be any text, `__proto__` too. */
export function setKey(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  } else {
    object[key] = value
  }
}

export function cloneJson<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => cloneJson(item)) as T
  const copy: JsonObject = {}
  for (const key of Object.keys(value)) setKey(copy, key, cloneJson(value[key]!))
  return copy as T
}

/** Equal as JSON: the order of keys does not matter, that of lists does; 1 and 1.0 and 1n are equal. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return equalNumbers(a, b)
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b)
  return !Array.isArray(b) && equalObjects(a, b)
}

function equalLists(a: readonly Json[], b: readonly Json[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (!equalJson(a[index], b[index])) return false
  return true
}

/** On the way of every comparison: for-in costs half of what a list of keys does. */
function equalObjects(a: JsonObject, b: JsonObject): boolean {
  let count = 0
  for (const key in a) {
    // Of what any object inherits, only this is an object and could pass for JSON.
    if (key === '__proto__' && !Object.hasOwn(b, key)) return false
    const left = a[key]
    const right = b[key]
    if (left !== right && !equalJson(left, right)) return false
    count++
  }
  return count === Object.keys(b).length
}

function equalNumbers(a: Json | undefined, b: Json | undefined): boolean {
  const numbers =
    (typeof a === 'bigint' || typeof a === 'number') && (typeof b === 'bigint' || typeof b === 'number')
  return numbers && a == b
}

/** JSON with sorted keys: equal values give equal text. */
export function stableStringify(value: Json | undefined): string {
  if (value === undefined) return ''
  return stringifyJson(sorted(value))
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value === 'number' && !Number.isSafeInteger(value) && Number.isInteger(value))
    return BigInt(value)
  if (!isObject(value)) return value
  const copy: JsonObject = {}
  for (const key of Object.keys(value).toSorted()) setKey(copy, key, sorted(value[key]!))
  return copy
}
