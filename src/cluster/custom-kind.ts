/** What a CustomResourceDefinition says of its kind, as far as comparing needs it. */
import { createHash } from 'node:crypto'
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf, stringifyJson } from '../object/json.ts'

export interface CustomKind {
  group: string
  kind: string
  /** Served versions. */
  versions: readonly string[]
  /** The version at which objects are stored. */
  storage: string
  /** A webhook converts between versions. */
  converted: boolean
  established: boolean
  /** Differs when anything differs that changes how objects are stored, read or served. */
  signature: string
}

/** Undefined for what is no CRD. */
export function readCustomKind(crd: KubeObject): CustomKind | undefined {
  const spec = crd['spec']
  const group = fieldOf(spec, 'group')
  const kind = fieldOf(fieldOf(spec, 'names'), 'kind')
  const list = fieldOf(spec, 'versions')
  if (typeof group !== 'string' || typeof kind !== 'string' || !Array.isArray(list)) return undefined
  const strategy = fieldOf(fieldOf(spec, 'conversion'), 'strategy')
  const established = isTrue(fieldOf(crd['status'], 'conditions'), 'Established')
  return {
    group,
    kind,
    versions: list.filter((one) => fieldOf(one, 'served') === true).map(nameOf),
    storage: list.filter((one) => fieldOf(one, 'storage') === true).map(nameOf)[0] ?? '',
    converted: strategy === 'Webhook',
    established,
    signature: createHash('sha1')
      .update(stringifyJson([list, strategy ?? null, fieldOf(spec, 'scope') ?? null, established]))
      .digest('base64'),
  }
}

function nameOf(version: Json): string {
  return String(fieldOf(version, 'name'))
}

function isTrue(conditions: Json | undefined, type: string): boolean {
  return (
    Array.isArray(conditions) &&
    conditions.some((one) => fieldOf(one, 'type') === type && fieldOf(one, 'status') === 'True')
  )
}
