import type { ObjectRef } from '../model/identity.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import { isObject, setKey } from './json.ts'
import { LAST_APPLIED } from './last-applied.ts'

/** What stands for a value that must not be shown: it tells nothing of it, not even its length. */
export const MASK = '(masked)'

const isSecret = (ref: { group: string; kind: string }) => ref.group === '' && ref.kind === 'Secret'

/** The changes with a Secret's values masked. */
export function maskChanges(ref: ObjectRef, changes: readonly FieldChange[]): FieldChange[] {
  if (!isSecret(ref)) return [...changes]
  return changes.map((change) => {
    const [first] = change.path
    if (first === undefined) return mapValues(change, (value) => (isObject(value) ? maskFields(value) : MASK))
    if (first === 'data' || first === 'stringData') return mapValues(change, maskAll)
    if (first === 'metadata')
      return mapValues(change, (value) => maskMetadata(change.path[1], change.path[2], value))
    return change
  })
}

/** The object with a Secret's values masked. */
export function maskObject(object: KubeObject): KubeObject {
  const group = object.apiVersion.includes('/') ? 'other' : ''
  return isSecret({ group, kind: object.kind }) ? (maskFields(object) as KubeObject) : object
}

function mapValues(change: FieldChange, mask: (value: Json) => Json): FieldChange {
  return {
    ...change,
    ...(change.before === undefined ? {} : { before: mask(change.before) }),
    ...(change.after === undefined ? {} : { after: mask(change.after) }),
  }
}

function maskFields(object: JsonObject): JsonObject {
  const copy: JsonObject = { ...object }
  for (const field of ['data', 'stringData'])
    if (copy[field] !== undefined) copy[field] = maskAll(copy[field])
  if (copy['metadata'] !== undefined) copy['metadata'] = maskMetadata(undefined, undefined, copy['metadata'])
  return copy
}

function maskMetadata(second: unknown, third: unknown, value: Json): Json {
  if (second === 'annotations' && third === LAST_APPLIED) return MASK
  if (second === undefined && isObject(value) && isObject(value['annotations'])) {
    return { ...value, annotations: maskMetadata('annotations', undefined, value['annotations']) }
  }
  if (
    second === 'annotations' &&
    third === undefined &&
    isObject(value) &&
    Object.hasOwn(value, LAST_APPLIED)
  ) {
    return { ...value, [LAST_APPLIED]: MASK }
  }
  return value
}

function maskAll(value: Json): Json {
  if (!isObject(value)) return MASK
  const copy: JsonObject = {}
  for (const key of Object.keys(value)) setKey(copy, key, MASK)
  return copy
}
