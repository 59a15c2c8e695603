import type { Json } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'

/** A version of a CustomResourceDefinition, by its name; undefined where it is not served. */
export function servedVersion(definition: Json | undefined, name: string): Json | undefined {
  const versions = fieldOf(fieldOf(definition, 'spec'), 'versions')
  if (!Array.isArray(versions)) return undefined
  return versions.find((each) => fieldOf(each, 'name') === name && fieldOf(each, 'served') === true)
}

/**
 * The first field of an object that a structural schema does not know, so that the API server would drop it, as a dotted
 * path; undefined where all are kept. (apiextensions-apiserver pkg/apiserver/schema/pruning.)
 */
export function prunedField(version: Json | undefined, object: Json): string | undefined {
  const schema = fieldOf(fieldOf(version, 'schema'), 'openAPIV3Schema')
  if (schema === undefined || fieldOf(version, 'preserveUnknownFields') === true) return undefined
  if (!isObject(object)) return undefined
  for (const key of Object.keys(object)) {
    if (key === 'apiVersion' || key === 'kind' || key === 'metadata') continue
    const pruned = prunedBelow(schema, key, object[key]!)
    if (pruned !== undefined) return pruned
  }
  return undefined
}

function prunedBelow(schema: Json, key: string, value: Json): string | undefined {
  const field = fieldOf(fieldOf(schema, 'properties'), key)
  if (field !== undefined) return prefix(key, pruned(field, value))
  const rest = fieldOf(schema, 'additionalProperties')
  if (isObject(rest)) return prefix(key, pruned(rest, value))
  if (rest === true || keepsAll(schema)) return undefined
  return key
}

function pruned(schema: Json, value: Json): string | undefined {
  if (Array.isArray(value)) {
    const items = fieldOf(schema, 'items')
    if (items === undefined) return undefined
    for (const [index, item] of value.entries()) {
      const found = prefix(String(index), pruned(items, item))
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isObject(value)) return undefined
  const embedded = fieldOf(schema, 'x-kubernetes-embedded-resource') === true
  for (const key of Object.keys(value)) {
    if (embedded && (key === 'apiVersion' || key === 'kind' || key === 'metadata')) continue
    const found = prunedBelow(schema, key, value[key]!)
    if (found !== undefined) return found
  }
  return undefined
}

const keepsAll = (schema: Json) => fieldOf(schema, 'x-kubernetes-preserve-unknown-fields') === true

/** `undefined` stays so: nothing was pruned below. */
function prefix(key: string, below: string | undefined): string | undefined {
  return below === undefined ? undefined : `${key}.${below}`
}
