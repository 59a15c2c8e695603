import { createHash } from 'node:crypto'
import type { FieldChange } from '../model/path.ts'
import { stableStringify } from '../object/json.ts'
import { pathKey } from '../object/path.ts'

/** A short text that is the same for the same differences; no value can be read from it. */
export function signatureOf(changes: readonly FieldChange[]): string {
  const hash = createHash('sha256')
  for (const { path, op, after } of changes) hash.update(`${op} ${pathKey(path)} ${stableStringify(after)}\n`)
  return hash.digest('base64').slice(0, 16)
}
