/** Names under which a manifest is tried, so that nothing that exists is in the way. */
import { randomBytes } from 'node:crypto'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { cloneJson, fieldOf, isObject, setKey } from '../object/json.ts'

/** A manifest under another name, and the way back. */
export interface Probe {
  object: KubeObject
  /** Puts the real name back wherever the probe's appears, in keys as well. */
  restore(answer: KubeObject): KubeObject
}

/** Shorter ones might appear by chance. */
const MIN_LENGTH = 10

/** Kinds whose name is made of their content: the other name is another group. */
const NAMED_BY_GROUP: { readonly [kind: string]: (spec: Json | undefined) => string | undefined } = {
  'apiextensions.k8s.io/CustomResourceDefinition': (spec) => textOf(fieldOf(spec, 'names'), 'plural'),
  'apiregistration.k8s.io/APIService': (spec) => textOf(spec, 'version'),
}

/**
 * The name is of letters and digits, which is valid for every kind whose name is not its content, and as long as the real one: whatever
 * is made of it is cut at the same place.
 */
export function makeProbe(manifest: KubeObject): Probe {
  const name = String(manifest.metadata['name'])
  const token = randomName(Math.max(MIN_LENGTH, name.length))
  const object = cloneJson(manifest)
  const prefix = prefixBeforeGroup(manifest, name)
  if (prefix === undefined) {
    object.metadata['name'] = token
    return { object, restore: (answer) => replaceText(answer, token, name) as KubeObject }
  }
  // Below the same group, so that a protected one (*.k8s.io) stays protected.
  const below = `${token.slice(0, MIN_LENGTH)}.`
  const spec = object['spec'] as JsonObject
  spec['group'] = below + String(spec['group'])
  object.metadata['name'] = `${prefix}.${spec['group']}`
  return { object, restore: (answer) => replaceText(answer, below, '') as KubeObject }
}

/** What stands before the group in the name of an object that is named by it; undefined for others. */
function prefixBeforeGroup(manifest: KubeObject, name: string): string | undefined {
  const kind = `${manifest.apiVersion.split('/')[0]}/${manifest.kind}`
  const spec = manifest['spec']
  const prefix = Object.hasOwn(NAMED_BY_GROUP, kind) ? NAMED_BY_GROUP[kind]!(spec) : undefined
  const group = textOf(spec, 'group')
  return prefix !== undefined && group !== undefined && name === `${prefix}.${group}` ? prefix : undefined
}

function textOf(value: Json | undefined, key: string): string | undefined {
  const text = fieldOf(value, key)
  return typeof text === 'string' && text !== '' ? text : undefined
}

function randomName(length: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  return Array.from(randomBytes(length), (byte) => letters[byte % letters.length]).join('')
}

function replaceText(value: Json, from: string, to: string): Json {
  if (typeof value === 'string') return value.includes(from) ? value.replaceAll(from, () => to) : value
  if (Array.isArray(value)) return value.map((item) => replaceText(item, from, to))
  if (!isObject(value)) return value
  const copy: JsonObject = {}
  for (const key of Object.keys(value)) {
    setKey(copy, replaceText(key, from, to) as string, replaceText(value[key]!, from, to))
  }
  return copy
}
