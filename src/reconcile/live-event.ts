import type { KubeObject } from '../model/json.ts'

/** What came of an object, until it is worked on. */
export interface LiveEvent {
  /** The newest object; undefined where it is gone, or where `read` says to get it. */
  object?: KubeObject
  read: boolean
  /** The object as it was when it was deleted. */
  last?: KubeObject
  /** When it was received, in milliseconds since the epoch. */
  at: number
}
