export interface BackoffTimes {
  /** Milliseconds before the second try; doubled with each that fails. */
  least: number
  most: number
}

/** Chats are asked again soon, and left alone when they stay away. */
export const BACKOFF_TIMES: BackoffTimes = { least: 1000, most: 60_000 }

/** An hour: a receiver that wants longer is asked anyway. */
const RETRY_AFTER_MOST = 3_600_000

/**
 * Milliseconds until the next try after so many failures: between half and all of a doubling delay, so that many guards do
 * not come back at once; never sooner than the receiver asked for.
 */
export function backoff(
  failures: number,
  {
    retryAfterMs = 0,
    times = BACKOFF_TIMES,
    random = Math.random,
  }: { retryAfterMs?: number | undefined; times?: BackoffTimes; random?: () => number } = {},
): number {
  const ceiling = Math.min(times.most, times.least * 2 ** Math.min(Math.max(0, failures - 1), 30))
  return Math.max(Math.min(retryAfterMs, RETRY_AFTER_MOST), ceiling * (0.5 + random() / 2))
}
