import type { KubeObject } from '../model/json.ts'
import type { WatchEvent } from './events.ts'
import { isLeaving, textAt } from './live-facts.ts'

/** How long the API server's word that a namespace is going away is believed without the watch's, in milliseconds. */
const BELIEVED_MS = 5_000

/** Namespaces that are going away: nothing can be created in them. */
export class TerminatingNamespaces {
  /** Until when this is believed, in milliseconds since the epoch. */
  readonly #until = new Map<string, number>()

  /** What the watch says of a Namespace. True where what waits for it can go on: it is gone, or there again. */
  observe(type: WatchEvent, object: KubeObject): boolean {
    const name = textAt(object, 'name')
    if (type === 'deleted' || !isLeaving(object)) return this.#until.delete(name)
    this.#until.set(name, Number.POSITIVE_INFINITY)
    return false
  }

  /** A write was refused because of it. */
  refused(name: string, now: number): void {
    this.#until.set(name, now + BELIEVED_MS)
  }

  has(name: string, now: number): boolean {
    return (this.#until.get(name) ?? 0) > now
  }
}
