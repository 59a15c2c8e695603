/** Something that must be so for the guard to do its work. */
export interface Condition {
  /** Short, such as `git/shop` or `watch/apps/Deployment`. */
  name: string
  ok: boolean
  /** Why not, and since when; plain text without secrets. */
  reason?: string
  /** What is worth knowing although it is so. */
  note?: string
  /** Without it nothing can be judged: the first load. Everything else only degrades. */
  required?: boolean
  /** People hear of it at once, not only when it lasts. */
  urgent?: boolean
}

export interface Readiness {
  ready: boolean
  /** Ready, though something is wrong. */
  degraded: boolean
  conditions: readonly Condition[]
}

/**
 * Whether reviews can be answered. A guard that knows Git's state but cannot reach Git or lags behind stays ready: taking it
 * out of its Service would refuse everybody, and it says what is wrong instead.
 */
export function readiness(conditions: readonly Condition[]): Readiness {
  const ready = conditions.every(({ ok, required }) => ok || required !== true)
  return { ready, degraded: ready && conditions.some(({ ok }) => !ok), conditions }
}

/** A line for each condition, those that fail first. */
export function formatReadiness({ ready, degraded, conditions }: Readiness): string {
  const lines = conditions
    .toSorted((a, b) => Number(a.ok) - Number(b.ok))
    .map(({ name, ok, reason = 'not so', note }) => {
      const more = ok ? note : reason
      return `[${ok ? '+' : '-'}] ${name}${more === undefined ? '' : `: ${more}`}`
    })
  return `${[...lines, ready ? (degraded ? 'ready, degraded' : 'ready') : 'not ready'].join('\n')}\n`
}
