import type { KubeObject } from '../model/json.ts'
import type { Base } from './comparison.ts'
import type { Writer } from './remedy.ts'
import type { Moment } from './sight.ts'
import type { Trouble } from './troubles.ts'

/** A difference that is to be decided about. */
export interface Question {
  trouble: Trouble
  writer: Writer
  /** Live is as Git said before. */
  pending: boolean
  /** What differs bears the agent's field manager, or nobody's any more: it may be a commit that the guard does not know. */
  agentLike: boolean
  /** It was the guard that put that earlier form there. */
  ours: boolean
  moment: Moment
  live: KubeObject | undefined
  /** What a repair would do; undefined for what terminates, which is never written. */
  repair: { by: 'creating' } | { by: 'putting-back'; base: Base; live: KubeObject } | undefined
}
