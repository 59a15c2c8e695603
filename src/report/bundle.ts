/** Which of the waiting violations are told together, and when. */
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { bundleKey } from './message.ts'

export interface Pending {
  violation: Violation
  /** Milliseconds since the epoch at which it was read. */
  readAt: number
}

export interface BundleTimes {
  /** Milliseconds that the first of a bundle waits for more. */
  window: number
  /** Milliseconds that the first of many different ones waits at most while more come, so that a burst is one digest. */
  burst: number
  /** Milliseconds until the same is told again: this, doubled each time up to `holdMost`. */
  hold: number
  holdMost: number
}

export const BUNDLE_TIMES: BundleTimes = { window: 1000, burst: 15_000, hold: 10_000, holdMost: 60_000 }

/** More different bundles at once are a digest. */
const BUNDLES = 3
/** So many more are a burst, whose end is waited for. */
const BURST = 10
/** Violations in one message at most. */
export const MOST = 1000
/** Told within the window, however often. */
const URGENT: readonly ViolationEvent[] = ['break-glass', 'unrepairable', 'trouble']
/** The hold of digests. */
const DIGEST = ''
const HOLDS = 5000

export type Choice<T> = { send: T[] } | { waitMs: number }

/**
 * The first of what one person does to one object is told after a short wait; while it goes on, what follows is held for ever longer and
 * told with its count. Many different ones become one digest once no more come.
 */
export class Bundler {
  readonly #times: BundleTimes
  readonly #holds = new Map<string, { until: number; length: number }>()

  constructor(times: BundleTimes = BUNDLE_TIMES) {
    this.#times = times
  }

  /** @param full nothing more can wait: what there is must go. Undefined where nothing waits. */
  choose<T extends Pending>(pending: readonly T[], now: number, full: boolean): Choice<T> | undefined {
    if (pending.length === 0) return undefined
    const bundles = Map.groupBy(pending, ({ violation }) => bundleKey(violation))
    const free = [...bundles].filter(([key, bundle]) => full || this.#freeAt(key, bundle) <= now)
    if (free.length === 0) return wait([...bundles].map(([key, bundle]) => this.#freeAt(key, bundle) - now))
    const oldest = Math.min(...free.map(([, [first]]) => first!.readAt))
    const due = oldest + this.#times.window
    if (due > now && !full) return wait([due - now])
    if (free.length <= BUNDLES) return { send: free[0]![1].slice(0, MOST) }
    const all = free.flatMap(([, bundle]) => bundle)
    const goesOn = Math.min(
      Math.max(...all.map(({ readAt }) => readAt)) + this.#times.window,
      oldest + this.#times.burst,
    )
    if (free.length > BURST && goesOn > now && !full && !all.some(isUrgent)) return wait([goesOn - now])
    const held = this.#freeAt(DIGEST, all)
    if (held > now && !full) return wait([held - now])
    return { send: all.slice(0, MOST) }
  }

  /** What was sent, so that more of the same is held. */
  sent(violations: readonly Violation[], now: number): void {
    const keys = new Set(violations.map(bundleKey))
    const [first] = keys
    const key = keys.size > 1 ? DIGEST : (first ?? DIGEST)
    const before = this.#holds.get(key)
    const goesOn = before !== undefined && now < before.until + before.length
    const length = goesOn ? Math.min(before.length * 2, this.#times.holdMost) : this.#times.hold
    this.#holds.delete(key)
    this.#holds.set(key, { until: now + length, length })
    const oldest = this.#holds.keys().next()
    if (this.#holds.size > HOLDS && !oldest.done) this.#holds.delete(oldest.value)
  }

  #freeAt(key: string, bundle: readonly Pending[]): number {
    if (bundle.some(isUrgent)) return 0
    return this.#holds.get(key)?.until ?? 0
  }
}

function isUrgent({ violation }: Pending): boolean {
  return URGENT.includes(violation.event)
}

function wait(times: readonly number[]): { waitMs: number } {
  return {
    waitMs: Math.max(
      1,
      times.reduce((least, time) => Math.min(least, time), Infinity),
    ),
  }
}
