import type { SyncObject } from './sync-object.ts'

/**
 * What is applied next.
 *
 * A stage begins when every object of the stages before it was tried, whether or not it succeeded; an object that needs
 * another waits for that one to succeed, and holds up nobody. What failed is tried again when its pause is over, beside
 * whatever else there is to do.
 */
export interface SyncFacts {
  /** Milliseconds since the epoch. */
  now: number
  desired: readonly SyncObject[]
  /** The manifest's hash at which each object was applied last, by key. */
  applied: ReadonlyMap<string, string>
  /** What failed, by key; only of the manifest with that hash. */
  failures: ReadonlyMap<string, Failure>
  /** Until when an exception (break-glass) keeps the guard off an object, in milliseconds since the epoch. */
  heldUntil(object: SyncObject): number | undefined
}

/** The newest failure of an object. */
export interface Failure {
  hash: string
  why: string
  /** The API server will refuse the same request again. */
  final: boolean
  /** Milliseconds since the epoch at which it failed first and at which it is tried again. */
  since: number
  retryAt: number
  /** How often it failed in a row. */
  times: number
}

export interface SyncPlan {
  /** To be applied now, in any order. Empty: nothing is to be done before `nextAt`. */
  apply: readonly SyncObject[]
  /** Tried, and to be tried again. */
  failing: readonly SyncObject[]
  /** What it needs is not there yet. */
  blocked: readonly { object: SyncObject; need: string }[]
  /** An exception is open for it. */
  held: readonly SyncObject[]
  /** How many are applied as Git says now. */
  done: number
  /** When there is something to do again, in milliseconds since the epoch. */
  nextAt?: number
}

/** Decides what is applied next. */
export function planSync(facts: SyncFacts): SyncPlan {
  const { desired, applied, failures, now } = facts
  const isDone = ({ key, hash }: SyncObject) => applied.get(key) === hash
  const undone = new Set(desired.filter((object) => !isDone(object)).map(({ key }) => key))
  const untried: SyncObject[] = []
  const again: SyncObject[] = []
  const failing: SyncObject[] = []
  const blocked: { object: SyncObject; need: string }[] = []
  const held: SyncObject[] = []
  let nextAt: number | undefined
  const notBefore = (at: number) => (nextAt = Math.min(nextAt ?? at, at))
  for (const object of desired) {
    if (!undone.has(object.key)) continue
    const failure = failures.get(object.key)
    const failed = failure?.hash === object.hash
    if (failed) failing.push(object)
    const until = facts.heldUntil(object)
    const need = object.needs.find((key) => undone.has(key))
    if (until !== undefined && until > now) {
      held.push(object)
      notBefore(until)
    } else if (need !== undefined) {
      blocked.push({ object, need })
    } else if (!failed) {
      untried.push(object)
    } else if (failure.retryAt <= now) {
      again.push(object)
    } else {
      notBefore(failure.retryAt)
    }
  }
  const stage = Math.min(...untried.map((object) => object.stage))
  return {
    apply: [...untried.filter((object) => object.stage === stage), ...again],
    failing,
    blocked,
    held,
    done: desired.length - undone.size,
    ...(nextAt === undefined ? {} : { nextAt }),
  }
}
