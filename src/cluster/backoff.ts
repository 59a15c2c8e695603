/** Growing, jittered pauses between tries, so that many clients do not come back in step. */
export class Backoff {
  #attempt = 0
  readonly #firstMs: number
  readonly #random: () => number

  constructor(firstMs = 100, random: () => number = Math.random) {
    this.#firstMs = firstMs
    this.#random = random
  }

  /** Milliseconds to the next try: doubled each time up to `maxMs`, at least half of that. */
  next(maxMs: number): number {
    const ms = Math.min(maxMs, this.#firstMs * 2 ** this.#attempt)
    this.#attempt = Math.min(this.#attempt + 1, 20)
    return ms * (0.5 + this.#random() / 2)
  }

  reset(): void {
    this.#attempt = 0
  }
}
