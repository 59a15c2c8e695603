import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again and again until there is an answer (anything but undefined and false) and returns it. Rejects with what was
 * waited for and, where given, what was seen last.
 */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { ms = 20_000, seen }: { ms?: number; seen?: () => unknown } = {},
): Promise<T> {
  for (const start = Date.now(); ; await sleep(20)) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() - start < ms) continue
    const last = seen === undefined ? '' : `; last seen: ${JSON.stringify(await seen())}`
    throw new Error(`not within ${ms} ms: ${what}${last}`)
  }
}
