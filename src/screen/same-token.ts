import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether two tokens are the same, in the time that it takes whatever differs. */
export function sameToken(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
