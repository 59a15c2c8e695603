import type { ObjectRef } from '../model/identity.ts'
import { formatRef } from '../object/identity.ts'
import type { SyncReport, SyncTrouble } from '../sync/events.ts'

/** How a source that the guard brings in stands, as `/status` says it; lists hold the first only, their counts are of all. */
export interface SyncStatus {
  state: SyncReport['state']
  /** The commit that all of is there. */
  applied: string
  objects: {
    declared: number
    applied: number
    failing: number
    unready: number
    waiting: number
    dropped: number
  }
  failing: readonly Told[]
  unready: readonly Told[]
  waiting: readonly Told[]
  /** Git dropped it, and it is still there. */
  dropped: readonly Told[]
}

interface Told {
  object: string
  why: string
  /** RFC 3339. */
  since?: string
}

const MOST = 20

export function statusOfSync(report: SyncReport): SyncStatus {
  const { state, applied, declared, done, failing, unready, waiting, pruning } = report
  return {
    state,
    applied,
    objects: {
      declared,
      applied: done,
      failing: failing.length,
      unready: unready.length,
      waiting: waiting.length,
      dropped: pruning.length,
    },
    failing: told(failing),
    unready: told(unready),
    waiting: told(waiting),
    dropped: told(pruning),
  }
}

function told(all: readonly (SyncTrouble | { ref: ObjectRef; why: string })[]): Told[] {
  return all.slice(0, MOST).map((one) => ({
    object: formatRef(one.ref),
    why: one.why,
    ...('since' in one ? { since: new Date(one.since).toISOString() } : {}),
  }))
}

/** For the metrics: how many objects of each source stand where. */
export function* syncCounts(
  reports: ReadonlyMap<string, SyncReport>,
): Iterable<readonly [source: string, state: string, count: number]> {
  for (const [source, report] of reports) {
    if (report.state === 'elsewhere') continue
    for (const [state, count] of Object.entries(statusOfSync(report).objects)) yield [source, state, count]
  }
}
