import type { DiscoveryProblem } from '../discover/discovered.ts'

/** Tells each problem once, for as long as it stands. */
export class TellOnce {
  readonly #tell: (problem: DiscoveryProblem) => void
  #told: ReadonlySet<string> = new Set()

  constructor(tell: (problem: DiscoveryProblem) => void) {
    this.#tell = tell
  }

  /** These stand now, and no others. */
  standing(problems: readonly DiscoveryProblem[]): void {
    const before = this.#told
    const now = new Set<string>()
    for (const problem of problems) {
      const text = `${problem.source}: ${problem.message}`
      if (!before.has(text) && !now.has(text)) this.#tell(problem)
      now.add(text)
    }
    this.#told = now
  }
}
