import type { Canonical } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { Base } from './comparison.ts'
import type { LiveEvent } from './live-event.ts'
import type { Again } from './queue.ts'

/** How far the guard is with an object that it brings in itself; undefined where there is nothing to bring in. */
export type Bringing = 'now' | 'failed' | undefined

/** When an object was looked at, and what was going on then. */
export interface Moment extends Pick<LiveEvent, 'at' | 'last'> {
  /** When it was read, or else received: what was asked before this time says nothing of it. */
  trueAt: number
  /** Whether the object was still to be brought in. */
  bringing: Bringing
}

/** An object as it was found, against what Git says of it. */
export type Sight =
  | Equal
  | Missing
  | Leaving
  | Modified
  /** The API server refuses what Git says now, and live is as Git said before. */
  | { is: 'as-before' }
  /** Nothing can be said yet. */
  | { is: 'unclear'; again: Again | undefined }

export interface Equal {
  is: 'equal'
  live: KubeObject
  canonical: Canonical
}

export interface Missing {
  is: 'missing'
  moment: Moment
}

/** As Git says, and on its way out: a finalizer that nobody takes away may hold it so for ever. */
export interface Leaving {
  is: 'leaving'
  live: KubeObject
  moment: Moment
}

export interface Modified {
  is: 'modified'
  live: KubeObject
  /** The newest form that the API server accepts, and how live differs from it. */
  base: Base
  moment: Moment
}
