/** A short hash of a JSON value that does not depend on the order of keys. */
import { createHash } from 'node:crypto'
import type { Json } from '../model/json.ts'

/** The first 32 hex digits of the SHA-256 of the value, written with sorted keys. */
export function stableHash(value: Json): string {
  const parts: string[] = []
  write(value, parts)
  return createHash('sha256').update(parts.join('')).digest('hex').slice(0, 32)
}

function write(value: Json, out: string[]): void {
  if (Array.isArray(value)) {
    out.push('[')
    for (const item of value) {
      write(item, out)
      out.push(',')
    }
    out.push(']')
  } else if (typeof value === 'object' && value !== null) {
    out.push('{')
    for (const key of Object.keys(value).sort()) {
      out.push(JSON.stringify(key), ':')
      write(value[key] as Json, out)
      out.push(',')
    }
    out.push('}')
  } else {
    out.push(typeof value === 'bigint' ? String(value) : JSON.stringify(value))
  }
}
