/** How a repaired object was found changed again. */
export interface Relapse {
  /** Milliseconds since the epoch. */
  now: number
  /** Which fields differ, and to what: the same text means that the same was done again. */
  signature: string
  /** Only which fields differ. */
  fields: string
  writer: string
}

export interface Fight {
  /** No repair before this time, in milliseconds since the epoch. */
  until: number
  /** True the first time: people are told once. */
  began: boolean
  /** Whose writes come back. */
  writer: string
  rounds: number
}

interface Rounds {
  /** Times of the last repairs of the same thing. */
  same: number[]
  signature: string
  /** Times of the last repairs of the same fields, whatever they were set to. */
  alike: number[]
  fields: string
  writer: string
  repairedAt: number
  level: number
  until: number
  told: boolean
}

const minute = 60_000
/** The same value comes back this often in a minute: a controller at work. */
const sameLimit = 5
/** The same fields, to ever new values: no hands and no script that means well do this all the time. */
const alikeLimit = 600
/** A change counts as coming back at once within this time of the repair. */
const atOnce = 10_000
const firstHold = 1_000
const longestHold = 5 * minute

/**
 * Notices fights: a repaired field that comes back at once, again and again. Somebody who edits one field to ever new
 * values is not a fight until it is faster than hands. Remembers only objects that were repaired within ten minutes.
 */
export class Fights {
  readonly #rounds = new Map<string, Rounds>()

  /** A repair of this object is about to be made. Returns the fight that it is in, if it is. */
  before(key: string, relapse: Relapse): Fight | undefined {
    const rounds = this.#rounds.get(key)
    if (rounds === undefined) return undefined
    const { now } = relapse
    if (rounds.until > now) return this.#fight(rounds)
    // The pause is over: one repair, then it shows whether it comes back.
    if (rounds.until > rounds.repairedAt) return undefined
    const again =
      rounds.fields === relapse.fields && now - rounds.repairedAt <= Math.max(atOnce, rounds.level * 2)
    if (!again) return undefined
    const same = rounds.signature === relapse.signature ? recent(rounds.same, now).length : 0
    const alike = recent(rounds.alike, now).length
    if (same < sameLimit && alike < alikeLimit && rounds.level === 0) return undefined
    rounds.level = Math.min(longestHold, rounds.level === 0 ? firstHold : rounds.level * 2)
    rounds.until = now + rounds.level
    rounds.writer = relapse.writer
    return this.#fight(rounds)
  }

  /** The object was repaired. */
  repaired(key: string, relapse: Relapse): void {
    const { now, signature, fields, writer } = relapse
    const old = this.#rounds.get(key)
    this.#rounds.delete(key)
    const kept =
      old !== undefined && old.fields === fields && now - old.repairedAt <= Math.max(minute, old.level * 4)
    const same = kept && old.signature === signature ? recent(old.same, now) : []
    const alike = kept ? recent(old.alike, now) : []
    this.#rounds.set(key, {
      same: [...same, now],
      signature,
      alike: [...alike, now],
      fields,
      writer,
      repairedAt: now,
      level: kept ? old.level : 0,
      until: 0,
      told: kept && old.told,
    })
    this.#forget(now)
  }

  /** Fights in which nothing came back for twice their pause: over, and no longer counted. */
  ended(now: number): string[] {
    const over: string[] = []
    for (const [key, rounds] of this.#rounds) {
      if (rounds.level === 0 || rounds.until > now) continue
      if (now - Math.max(rounds.repairedAt, rounds.until) <= Math.max(minute, rounds.level * 2)) continue
      over.push(key)
      this.#rounds.delete(key)
    }
    return over
  }

  /** Fights that go on. */
  get count(): number {
    let count = 0
    for (const { level } of this.#rounds.values()) if (level > 0) count++
    return count
  }

  forget(key: string): void {
    this.#rounds.delete(key)
  }

  #fight(rounds: Rounds): Fight {
    const began = !rounds.told
    rounds.told = true
    return { until: rounds.until, began, writer: rounds.writer, rounds: rounds.alike.length }
  }

  /** Oldest first, as a Map keeps them; fights that go on stay until they end. */
  #forget(now: number): void {
    for (const [key, { repairedAt, level }] of this.#rounds) {
      if (now - repairedAt < 10 * minute) break
      if (level === 0) this.#rounds.delete(key)
    }
  }
}

function recent(times: readonly number[], now: number): number[] {
  return times.filter((time) => now - time < minute)
}
