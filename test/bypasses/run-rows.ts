import type { Outcome, Row } from './row.ts'
import type { Stage } from './stage.ts'

/** What a row came to. */
export interface Result {
  row: Row
  outcome?: Outcome
  /** Put back, but not as soon as it should be on a machine of its own. */
  late: boolean
  /** Why it is open. */
  error?: Error
}

/** Runs one row, then makes sure that what Git declares is as it was. */
export async function runRow(stage: Stage, row: Row): Promise<Result> {
  try {
    await stage.registered()
    if (row.expect === 'policy') await stage.policiesInForce()
    const outcome = await row.run(stage)
    await settled(stage)
    if (outcome.stopped !== row.expect)
      throw new Error(`stopped by ${outcome.stopped}, not by ${row.expect} as it should be`)
    const late = row.expect === 'watcher' && (outcome.ms ?? 0) > (row.withinMs ?? 1000)
    return { row, outcome, late }
  } catch (error) {
    return { row, error: error as Error, late: false }
  }
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
