import type { KubeObject } from '../model/json.ts'
import type { Status } from './events.ts'
import { textAt } from './live-facts.ts'
import type { SeenStamps } from './seen-stamps.ts'

/**
 * What stays in memory of a declared object; there are as many as Git declares, so it is small. Of the object
 * itself nothing but its agent's marks is among it.
 */
export class Tracked {
  resourceVersion = ''
  status: Status = 'pending'
  /** The last full list of its kind that it was in, or an event after it. */
  list = 0
  /** The admission epoch in which it was last seen equal to its canonical form, -1 for never. */
  equalIn = -1
  /** Of the manifest as which it was last seen; kept only where the agent may do less than the guard. */
  arrived: string | undefined = undefined
  /** The agent's marks, as they were seen last while it was as Git says. */
  stamps: SeenStamps | undefined = undefined
  /** Of a Job: the hash of the manifest at which it finished. */
  finished: string | undefined = undefined
  /** Its agent lags, and people were told. */
  lagging = false
  /** What was said once about its manifest. */
  said: string | undefined = undefined

  /** Takes note of which version was seen. */
  saw(live: KubeObject): void {
    this.resourceVersion = textAt(live, 'resourceVersion')
  }

  /** Whether this was not said of it yet. */
  isNews(what: string): boolean {
    if (this.said === what) return false
    this.said = what
    return true
  }
}
