/** Numbers from a seed, so that a failure can be repeated. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Numbers of their own for each name: what happens to others at the same time changes none of them. */
  static named(seed: number, name: string): Random {
    let hash = seed ^ 0x811c9dc5
    for (let index = 0; index < name.length; index++)
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
    return new Random(hash)
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** From 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(part: number): boolean {
    return this.next() < part
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** Some of them, in another order. */
  sample<T>(items: readonly T[], count: number): T[] {
    const left = [...items]
    return Array.from(
      { length: Math.min(count, items.length) },
      () => left.splice(this.below(left.length), 1)[0]!,
    )
  }
}

/** The seed that a person gives to repeat a run, else a new one. */
export function seedOfRun(): number {
  // The same each time, so that what fails can be had again; give DRIFT_SEED to look elsewhere.
  return Number(process.env['DRIFT_SEED'] ?? 1_243_485_445)
}
