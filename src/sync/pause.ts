const FIRST_MS = 1_000
const LONGEST_MS = 60_000

/** Milliseconds until what failed so many times in a row is tried again: doubled each time, with jitter. */
export function pauseAfter(times: number): number {
  const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(Math.max(times, 1) - 1, 10))
  return ms * (0.75 + Math.random() / 2)
}
