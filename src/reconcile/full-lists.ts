interface Kind {
  group: string
  kind: string
}

/** Counts the full lists of each kind, so that what a list did not hold is known when it is complete. */
export class FullLists {
  readonly #count = new Map<string, number>()

  /** Another one begins. */
  begin(kind: Kind): void {
    this.#count.set(nameOf(kind), this.of(kind) + 1)
  }

  /** The number of the newest one; 0 before the first. */
  of(kind: Kind): number {
    return this.#count.get(nameOf(kind)) ?? 0
  }
}

function nameOf({ group, kind }: Kind): string {
  return `${group}/${kind}`
}
