/** The resource versions that this guard's own writes made, so that the events they cause cost nothing. Bounded. */
export class OwnWrites {
  readonly #versions = new Map<string, string[]>()
  readonly #objects: number

  constructor(objects = 2_000) {
    this.#objects = objects
  }

  add(key: string, resourceVersion: string): void {
    const versions = this.#versions.get(key) ?? []
    this.#versions.delete(key)
    this.#versions.set(key, [...versions.slice(-3), resourceVersion])
    for (const oldest of this.#versions.keys()) {
      if (this.#versions.size <= this.#objects) break
      this.#versions.delete(oldest)
    }
  }

  has(key: string, resourceVersion: string): boolean {
    return this.#versions.size > 0 && (this.#versions.get(key)?.includes(resourceVersion) ?? false)
  }
}
