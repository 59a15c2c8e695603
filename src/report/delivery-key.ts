import { createHash } from 'node:crypto'
import type { Message } from './message.ts'

/** The same for the same violations: receivers that know such keys take a repeated message once. */
export function deliveryKey({ ids, from, to }: Message): string {
  return keyOf([...ids, from, to])
}

export function keyOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)
}
