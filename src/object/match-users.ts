import { matchesPattern } from './selectors.ts'

/**
 * Compiles usernames, in which `*` stands for any run of characters, into one test. Names without `*` cost one look-up,
 * however many there are.
 */
export function matchUsers(users: readonly string[]): (username: string) => boolean {
  const exact = new Set(users.filter((user) => !user.includes('*')))
  const patterns = users.filter((user) => user.includes('*'))
  return (username) => exact.has(username) || patterns.some((pattern) => matchesPattern(pattern, username))
}
