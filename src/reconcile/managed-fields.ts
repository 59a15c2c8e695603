import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { FieldSet } from './field-set.ts'

/** One entry of managedFields: what a field manager says it wrote. Clients choose the manager's name. */
export interface ManagedEntry {
  manager: string
  operation: 'Apply' | 'Update'
  apiVersion: string
  /** '' for the object itself. */
  subresource: string
  /** RFC 3339, to the second. */
  time: string | undefined
  fields: FieldSet
}

/** The entries of an object's managedFields; what is malformed is left out. */
export function readManagedFields(object: KubeObject): ManagedEntry[] {
  const list = object.metadata['managedFields']
  return Array.isArray(list) ? list.flatMap((entry) => readEntry(entry)) : []
}

function readEntry(entry: Json): ManagedEntry[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return []
  const { operation } = entry
  if (operation !== 'Apply' && operation !== 'Update') return []
  return [
    {
      manager: text(entry['manager']),
      operation,
      apiVersion: text(entry['apiVersion']),
      subresource: text(entry['subresource']),
      time: typeof entry['time'] === 'string' ? entry['time'] : undefined,
      fields: FieldSet.parse(entry['fieldsV1']),
    },
  ]
}

/** Entries as managedFields hold them; empty ones are left out, as the API server does. */
export function writeManagedFields(entries: readonly ManagedEntry[]): JsonObject[] {
  return entries
    .filter(({ fields }) => !fields.isEmpty)
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: fields.toJson(),
      manager,
      operation,
      ...(subresource === '' ? {} : { subresource }),
      ...(time === undefined ? {} : { time }),
    }))
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
