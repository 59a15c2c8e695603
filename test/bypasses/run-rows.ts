import { loadavg, availableParallelism } from 'node:os'
import type { Outcome, Row } from './row.ts'
import type { Stage } from './stage.ts'

/** What a row came to. */
export interface Result {
  row: Row
  outcome?: Outcome
  /** Why it is open. */
  error?: Error
}

/** Runs one row, then makes sure that what Git declares is as it was. */
export async function runRow(stage: Stage, row: Row): Promise<Result> {
  try {
    if (row.expect === 'policy') await stage.policiesInForce()
    const outcome = await row.run(stage)
    await settled(stage)
    if (outcome.stopped !== row.expect)
      throw new Error(`stopped by ${outcome.stopped}, not by ${row.expect} as it should be`)
    const limit = (row.withinMs ?? 1000) * slack()
    if (outcome.ms !== undefined && row.expect === 'watcher' && outcome.ms > limit)
      throw new Error(`put back after ${Math.round(outcome.ms)} ms: more than ${Math.round(limit)} ms`)
    return { row, outcome }
  } catch (error) {
    return { row, error: error as Error }
  }
}

/** A second on an idle machine; where others use it too, as much more as they do. */
function slack(): number {
  return Math.max(1, loadavg()[0]! / availableParallelism())
}

/** What stays otherwise is this row's doing, not the next one's. */
async function settled(stage: Stage): Promise<void> {
  try {
    await stage.settled()
  } catch (error) {
    await stage.agentApplies()
    await stage.snapshot()
    throw error
  }
}
