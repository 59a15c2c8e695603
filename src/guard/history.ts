import { join } from 'node:path'
import { ViolationHistory } from '../report/violation-history.ts'
import type { Logger } from '../telemetry/logger.ts'

/** The history of violations in a state directory; in memory where there is none or it cannot be used. */
export function openHistory(stateDir: string | undefined, logger: Logger): ViolationHistory {
  const onProblem = (problem: string, error?: unknown) => logger.warn({ err: error }, problem)
  if (stateDir === undefined) return new ViolationHistory({ onProblem })
  try {
    return new ViolationHistory({ directory: join(stateDir, 'history'), onProblem })
  } catch (error) {
    logger.error({ err: error }, 'the history of violations cannot be on disk: it is in memory')
    return new ViolationHistory({ onProblem })
  }
}
