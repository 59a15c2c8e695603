/** A short hash of a JSON value that does not depend on the order of keys. */
import { createHash } from 'node:crypto'
import type { Json } from '../model/json.ts'
import { stableStringify } from '../object/json.ts'

/** The first 32 hex digits of the SHA-256 of the value, written with sorted keys. */
export function stableHash(value: Json): string {
  return createHash('sha256').update(stableStringify(value)).digest('hex').slice(0, 32)
}
