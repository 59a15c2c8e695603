/** What a way around the guard is, and what became of it. */
import type { Stage } from './stage.ts'

/** Who stopped it: the webhook, a policy of the guard, the watcher, the API server by itself; or only a report of it. */
export type Stopper = 'webhook' | 'policy' | 'watcher' | 'server' | 'reported' | 'allowed'

export interface Outcome {
  stopped: Stopper
  /** From the API server's answer to Git's state again, seen by a client outside. */
  ms?: number
  /** One line for the table. */
  note?: string
}

/** One way around. `run` tries it and throws when it is not stopped as it should be. */
export interface Row {
  /** In bypasses.md; 0 for those that are not there. */
  row: number
  title: string
  expect: Stopper
  run(stage: Stage): Promise<Outcome>
  /** Milliseconds until it must be put back; a second where absent. */
  withinMs?: number
  /** It stops or changes the guard itself: such rows come last. */
  restarts?: true
}
