import type { Status } from './events.ts'

/**
 * What stays in memory of a declared object; there are as many as Git declares, so it is small. No part of the object
 * itself is among it.
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
}
