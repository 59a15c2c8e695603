import type { Json } from '../model/json.ts'
import type { KeyedItem, Path, Segment } from '../model/path.ts'
import { equalJson, fieldOf, stableStringify } from './json.ts'

export function isKeyedItem(segment: Segment): segment is KeyedItem {
  return typeof segment === 'object' && 'keys' in segment
}

/** The path as a JSON Pointer (RFC 6901); items of lists by their index. */
export function formatPointer(path: Path): string {
  let text = ''
  for (const segment of path) {
    const token = typeof segment === 'object' ? String(segment.index) : String(segment)
    text += `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`
  }
  return text
}

/**
 * The tokens of a JSON Pointer.
 *
 * @throws Error that says what would be right.
 */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) {
    throw new Error(`a JSON Pointer begins with /: current value is ${JSON.stringify(pointer)}`)
  }
  return pointer.slice(1).split('/').map(unescapeToken)
}

function unescapeToken(token: string): string {
  if (/~(?![01])/.test(token)) {
    throw new Error(`~ is written ~0 and / inside a name ~1: current value is ${JSON.stringify(token)}`)
  }
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** For people: `spec.template.spec.containers[name=app].image`, `metadata.labels["app.kubernetes.io/name"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else if (typeof segment === 'string') {
      if (!/^[A-Za-z0-9_-]+$/.test(segment)) text += `[${JSON.stringify(segment)}]`
      else text += text === '' ? segment : `.${segment}`
    } else if (isKeyedItem(segment)) {
      const keys = Object.entries(segment.keys).map(([key, value]) => `${key}=${plain(value)}`)
      text += `[${keys.join(',')}]`
    } else text += `[${plain(segment.value)}]`
  }
  return text
}

function plain(value: Json): string {
  return typeof value === 'string' ? value : stableStringify(value)
}

/** The path as one text that stays the same when lists are reordered. */
export function pathKey(path: Path): string {
  return path
    .map((segment) => {
      if (typeof segment === 'string') return `s${segment.includes('\n') ? JSON.stringify(segment) : segment}`
      if (typeof segment === 'number') return `#${segment}`
      return isKeyedItem(segment) ? `k${stableStringify(segment.keys)}` : `v${stableStringify(segment.value)}`
    })
    .join('\n')
}

/** What is at a path; undefined where there is nothing. Items are found by their keys or value, not their index. */
export function getAt(value: Json | undefined, path: Path): Json | undefined {
  let current = value
  for (const segment of path) {
    if (current === undefined) return undefined
    if (typeof segment === 'string') current = fieldOf(current, segment)
    else if (!Array.isArray(current)) return undefined
    else if (typeof segment === 'number') current = current[segment]
    else if (isKeyedItem(segment)) current = current.find((item) => hasKeys(item, segment.keys))
    else current = current.find((item) => equalJson(item, segment.value))
  }
  return current
}

/** Whether an item has these keys; one that the item lacks is null. */
export function hasKeys(item: Json, keys: { [key: string]: Json }): boolean {
  return Object.keys(keys).every((key) => equalJson(fieldOf(item, key) ?? null, keys[key]))
}

/**
 * Whether a manifest as people write it holds something at a path of the stored object. Keys that the server fills in
 * (a port's `protocol`) may be absent from the manifest's item, a null is as good as nothing, and a Secret may hold
 * `data` as `stringData`.
 */
export function declares(manifest: Json | undefined, path: Path): boolean {
  if (holds(manifest, path)) return true
  return (
    path[0] === 'data' &&
    fieldOf(manifest, 'kind') === 'Secret' &&
    holds(manifest, ['stringData', ...path.slice(1)])
  )
}

function holds(value: Json | undefined, path: Path): boolean {
  let current = value
  for (const segment of path) {
    if (typeof segment === 'object' && isKeyedItem(segment) && Array.isArray(current)) {
      current = getAt(current, [segment]) ?? current.find((item) => mayHaveKeys(item, segment.keys))
    } else current = getAt(current, [segment])
  }
  return current !== undefined && current !== null
}

/** The item has at least one of the keys, and no other value for any. */
function mayHaveKeys(item: Json, keys: { [key: string]: Json }): boolean {
  const there = Object.keys(keys).filter((key) => fieldOf(item, key) !== undefined)
  return there.length > 0 && there.every((key) => equalJson(fieldOf(item, key), keys[key]))
}
