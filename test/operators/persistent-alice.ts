import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { clientOf } from '../agents/client-of.ts'

const EVERY_MS = 100
const MERGE = 'application/merge-patch+json'

/** Something that she tries again and again. */
export interface Attempt {
  path: string
  body?: unknown
  /** Default: PATCH with a merge patch. */
  method?: string
}

/** Alice, who may do everything by RBAC, tries to change what Git declares, and what comes of it, as long as she is let. */
export class PersistentAlice {
  /** Attempts that the guard refused, and those that got through. */
  refused = 0
  readonly done: Attempt[] = []
  #attempts: readonly Attempt[] = []
  #stopped = false
  readonly #work: Promise<void>

  /** @param may whether it is her turn: not while the guard has yet to see the commit that declares what she tries to change. */
  constructor(plane: ControlPlane, may: () => Promise<boolean>) {
    this.#work = this.#run(plane, may)
  }

  /** What she tries from now on, one after the other. */
  tries(attempts: readonly Attempt[]): void {
    this.#attempts = attempts
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#work
  }

  async #run(plane: ControlPlane, may: () => Promise<boolean>): Promise<void> {
    const client = clientOf(plane, 'alice')
    /** What was refused once: from then on she means it. Before, a namespace that is new may not be guarded yet. */
    const guarded = new Set<Attempt>()
    for (let turn = 0; !this.#stopped; turn++, await sleep(EVERY_MS)) {
      const attempt = this.#attempts[turn % this.#attempts.length]
      if (attempt === undefined || !(await may())) continue
      const { path, body, method = 'PATCH' } = attempt
      const dry = guarded.has(attempt) ? '' : '?dryRun=All'
      const answer = await client.send(method, path + dry, body, MERGE).catch(() => undefined)
      if (answer === undefined) continue
      // What is not there yet, or no more, or has changed meanwhile, says nothing.
      if (answer.status === 403) guarded.add(attempt)
      if (dry !== '') continue
      if (answer.status < 300) this.done.push(attempt)
      else if (answer.status === 403) this.refused++
    }
    client.close()
  }
}
