import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import { escapeText } from '../object/text.ts'
import { readinessOf } from './readiness.ts'

export interface Unready {
  ref: ObjectRef
  apiVersion: string
  why: string
  /** It will not become ready by itself. */
  failed: boolean
  /** Milliseconds since the epoch. */
  since: number
}

/** Which objects of a source do not do what they were made for. Holds nothing of those that do. */
export class Health {
  readonly #unready = new Map<string, Unready>()

  /** Looks at an object as it is now; says whether that changed anything. */
  observe(key: string, ref: ObjectRef, object: KubeObject, now: number): boolean {
    const found = readinessOf(object)
    const before = this.#unready.get(key)
    if (found.ready) return this.#unready.delete(key)
    const why = escapeText(found.why, 300)
    const since = before?.since ?? now
    this.#unready.set(key, { ref, apiVersion: object.apiVersion, why, failed: found.failed, since })
    return before?.why !== why || before.failed !== found.failed
  }

  forget(key: string): void {
    this.#unready.delete(key)
  }

  /** A newer form was applied: its time begins anew. */
  restart(key: string, now: number): void {
    const unready = this.#unready.get(key)
    if (unready !== undefined) this.#unready.set(key, { ...unready, since: now })
  }

  all(): Iterable<readonly [string, Unready]> {
    return this.#unready
  }
}
