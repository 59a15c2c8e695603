/** Time as the reconciler sees it, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `run` once, `ms` milliseconds from now, unless cancelled; never keeps the process alive. */
  after(ms: number, run: () => void): Cancel
}

export type Cancel = () => void

/** The longest delay that setTimeout takes; a longer one would fire at once. */
const longest = 2 ** 31 - 1

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), longest))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
