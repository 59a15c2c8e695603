/** Reads fields of agents' objects, which are anybody's JSON. */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'

/** '' where there is no text. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let found = value
  for (const key of path) found = fieldOf(found, key)
  return found
}

export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

/** Texts of a list; anything else in it is left out. */
export function textsAt(value: Json | undefined, ...path: readonly string[]): string[] {
  return listAt(value, ...path).filter((item) => typeof item === 'string')
}

/** Names and texts of a map, in its order. */
export function entriesAt(value: Json | undefined, ...path: readonly string[]): [string, string][] {
  const found = at(value, ...path)
  return isObject(found)
    ? Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    : []
}

export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject | undefined {
  const found = at(value, ...path)
  return isObject(found) && Object.keys(found).length > 0 ? found : undefined
}

export function isTrue(value: Json | undefined, ...path: readonly string[]): boolean {
  return at(value, ...path) === true
}

export function nameOf({ metadata }: KubeObject): { namespace: string; name: string } {
  return { namespace: textAt(metadata, 'namespace'), name: textAt(metadata, 'name') }
}

/** Only the fields that say something. */
export function filled(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== '' && item !== undefined))
}

/** The commit in what Flux and Argo CD say of a revision: `main@sha1:HASH`, `sha1:HASH`, or a bare hash. */
export function commitIn(revision: Json | undefined): string | undefined {
  if (typeof revision !== 'string') return undefined
  return /(?:^|sha1:|sha256:|\/)([0-9a-f]{64}|[0-9a-f]{40})$/.exec(revision)?.[1]
}

/** Data of a ConfigMap, or of a Secret, decoded. */
export function dataOf(object: KubeObject): [string, string][] {
  const data = entriesAt(object['data'])
  if (object.kind !== 'Secret') return data
  return data.map(([name, text]) => [name, decoded(text)])
}

/** Base64 of UTF-8, with no help of Node: this is pure. */
function decoded(text: string): string {
  const binary = atob(text)
  return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)))
}
