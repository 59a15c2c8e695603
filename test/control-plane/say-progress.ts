import type { Progress } from './progress.ts'

/** Progress for a person at a terminal or in a CI log: a line each on standard error. */
export const sayProgress: Progress = (line) => {
  process.stderr.write(`control plane: ${line}\n`)
}
