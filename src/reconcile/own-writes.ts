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

  /** Makes a write count as news: what it left is still to be looked at. */
  drop(key: string, resourceVersion: string): void {
    const versions = this.#versions.get(key)?.filter((version) => version !== resourceVersion)
    if (versions !== undefined) this.#versions.set(key, versions)
  }

  has(key: string, resourceVersion: string): boolean {
    return this.#versions.size > 0 && (this.#versions.get(key)?.includes(resourceVersion) ?? false)
  }
}
