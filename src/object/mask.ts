import type { ObjectRef } from '../model/identity.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange, Path } from '../model/path.ts'
import { refOf } from './identity.ts'
import { isObject, setKey } from './json.ts'
import { LAST_APPLIED } from './last-applied.ts'

/** What stands for a value that must not be shown: it tells nothing of it, not even its length. */
export const MASK = '(masked)'

/** The changes with a Secret's values masked; those of other kinds as they are. */
export function maskChanges(ref: ObjectRef, changes: readonly FieldChange[]): FieldChange[] {
  if (!isSecret(ref)) return [...changes]
  return changes.map(({ path, op, before, after }) => ({
    path: maskPath(path),
    op,
    ...(before === undefined ? {} : { before: maskAt(path, before) }),
    ...(after === undefined ? {} : { after: maskAt(path, after) }),
  }))
}

/** The object with a Secret's values masked. */
export function maskObject(object: KubeObject): KubeObject {
  return isSecret(refOf(object)) ? (maskAt([], object) as KubeObject) : object
}

function isSecret({ group, kind }: ObjectRef): boolean {
  return group === '' && kind === 'Secret'
}

const isData = (field: unknown) => field === 'data' || field === 'stringData'

/** A value of a Secret, of the place `path` in it. */
function maskAt(path: Path, value: Json): Json {
  const [first, second, third] = path
  if (isData(first)) return isObject(value) && path.length === 1 ? mapObject(value, () => MASK) : MASK
  if (path.length === 0)
    return isObject(value) ? mapObject(value, (field, key) => maskAt([key], field)) : MASK
  if (first !== 'metadata') return value
  if (path.length === 1)
    return isObject(value) ? mapObject(value, (field, key) => maskAt([...path, key], field)) : value
  if (second !== 'annotations') return value
  if (path.length === 2)
    return isObject(value) ? mapObject(value, (text, key) => maskAnnotation(key, text)) : value
  return maskAnnotation(third, value)
}

/** Tools keep whole copies of an object in annotations, as `kubectl apply` and kapp do. */
function maskAnnotation(key: unknown, value: Json): Json {
  if (key === LAST_APPLIED || typeof value !== 'string') return MASK
  return /[{[]/.test(value) ? MASK : value
}

/** An item of what should be a map is named by its value: then the path holds it too. */
function maskPath(path: Path): Path {
  if (!isData(path[0])) return path
  return path.map((segment) => (typeof segment === 'object' ? segment.index : segment))
}

function mapObject(object: JsonObject, map: (value: Json, key: string) => Json): JsonObject {
  const copy: JsonObject = {}
  for (const key of Object.keys(object)) setKey(copy, key, map(object[key]!, key))
  return copy
}
