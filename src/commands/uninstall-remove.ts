import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../model/json.ts'
import { isRecord, nameOf, whyRefused, type InstallApi } from './install-api.ts'
import type { ServedKinds } from './install-resources.ts'
import { GUARDING, planRemoval, STEP_DOWN, stepDown } from './uninstall-plan.ts'

export interface Removed {
  object: string
  /** `absent`: it was not there. */
  action: 'removed' | 'absent' | 'stepped-down' | 'unanswered' | 'down'
}

export interface RemovalOptions {
  /** As `install` applies them. */
  installation: readonly KubeObject[]
  namespace: string
  /** Who uninstalls, for those who read the exception; '' where it cannot be told. */
  by: string
  said: (removed: Removed) => void
  /** Milliseconds. */
  waits?: Partial<Waits>
}

interface Waits {
  /** For a running guard to say that it has stepped down. */
  stepDown: number
  /** For the API server to take a policy out of force. */
  policy: number
  /** For a namespace and its objects to go. */
  gone: number
  /** How long the webhook must stay away to be believed. */
  stays: number
}

const WAITS: Waits = { stepDown: 10_000, policy: 15_000, gone: 120_000, stays: 2_000 }
const EVERY = 100

/**
 * Removes an installation, whatever of it is there, with the guard running or down. Throws when something is refused or comes
 * back, and says by whom as far as that can be told; it can be run again.
 */
export class Removal {
  readonly #api: InstallApi
  readonly #kinds: ServedKinds
  readonly #options: RemovalOptions
  readonly #waits: Waits

  constructor(api: InstallApi, kinds: ServedKinds, options: RemovalOptions) {
    this.#api = api
    this.#kinds = kinds
    this.#options = options
    this.#waits = { ...WAITS, ...options.waits }
  }

  async run(): Promise<void> {
    await this.#askToStepDown()
    const plan = planRemoval(this.#options.installation)
    for (const object of plan.filter(({ kind }) => GUARDING.includes(kind))) await this.#remove(object)
    await this.#staysAway(plan.filter(({ kind }) => GUARDING.includes(kind)))
    for (const object of plan.filter(({ kind }) => !GUARDING.includes(kind))) await this.#remove(object)
  }

  /** Every BreakGlass that goes with the installation, apart from the one that uninstalling makes. */
  async exceptions(): Promise<string[]> {
    const path = await this.#kinds.path({ apiVersion: 'gitops-guard.dev/v1alpha1', kind: 'BreakGlass' }, {})
    if (path === undefined) return []
    const { body } = await this.#api.send('GET', path)
    const items = isRecord(body) && Array.isArray(body.items) ? (body.items as KubeObject[]) : []
    return items
      .filter(({ metadata }) => metadata.name !== STEP_DOWN || metadata.namespace !== this.#options.namespace)
      .map(({ metadata }) => `${String(metadata.namespace)}/${String(metadata.name)}`)
  }

  async #askToStepDown(): Promise<void> {
    const { namespace, by, installation, said } = this.#options
    if (!(await this.#guards())) return
    const exception = stepDown(installation, { namespace, by, now: Date.now() })
    const collection = await this.#kinds.path(exception, { namespace })
    if (collection === undefined) return
    // One of an earlier try may have expired.
    await this.#api.send('DELETE', `${collection}/${STEP_DOWN}`)
    const answer = await this.#api.send('POST', collection, exception)
    const object = nameOf(exception)
    if (answer.status === 404) return
    // Nobody answers reviews: so nobody keeps anything either.
    if (answer.status >= 500) return said({ object, action: 'down' })
    if (answer.status >= 300 && answer.status !== 409)
      throw new Error(`the guard cannot be asked to step down: ${whyRefused(answer)}`)
    const active = await this.#until(this.#waits.stepDown, async () => {
      const { body } = await this.#api.send('GET', `${collection}/${STEP_DOWN}`)
      return isActive(body)
    })
    said({ object, action: active ? 'stepped-down' : 'unanswered' })
  }

  /** A running guard keeps its webhook filled. */
  async #guards(): Promise<boolean> {
    for (const object of this.#options.installation) {
      if (object.kind !== 'ValidatingWebhookConfiguration') continue
      const path = await this.#path(object)
      const { body } = path === undefined ? {} : await this.#api.send('GET', path)
      if (isRecord(body) && Array.isArray(body.webhooks) && body.webhooks.length > 0) return true
    }
    return false
  }

  async #remove(object: KubeObject): Promise<void> {
    const name = nameOf(object)
    const path = await this.#path(object)
    const answer = path === undefined ? { status: 404, body: undefined } : await this.#delete(path)
    if (path === undefined || answer.status === 404)
      return this.#options.said({ object: name, action: 'absent' })
    if (answer.status >= 300) throw new Error(`cannot delete ${name}: ${whyRefused(answer)}`)
    const gone = await this.#until(
      this.#waits.gone,
      async () => (await this.#api.send('GET', path)).status === 404,
    )
    if (!gone)
      throw new Error(`${name} is still there ${await this.#why(path)}: run uninstall again when it is gone`)
    this.#options.said({ object: name, action: 'removed' })
  }

  /** The policy guards the webhook until the API server has noticed that the policy is gone. */
  async #delete(path: string) {
    let answer = await this.#api.send('DELETE', `${path}?propagationPolicy=Background`)
    await this.#until(this.#waits.policy, async () => {
      if (answer.status < 400 || !/ValidatingAdmissionPolicy/.test(whyRefused(answer))) return true
      answer = await this.#api.send('DELETE', `${path}?propagationPolicy=Background`)
      return answer.status < 300
    })
    return answer
  }

  /** A guard that did not step down puts its webhook back within a second. */
  async #staysAway(objects: readonly KubeObject[]): Promise<void> {
    let back: KubeObject | undefined
    await this.#until(this.#waits.stays, async () => {
      for (const object of objects) {
        const path = await this.#path(object)
        if (path !== undefined && (await this.#api.send('GET', path)).status === 200) back = object
      }
      return back !== undefined
    })
    if (back === undefined) return
    throw new Error(
      `${nameOf(back)} is back: a guard is running that has not stepped down, perhaps outside this cluster. Stop it (kubectl scale --replicas=0 -n ${this.#options.namespace} deployment/gitops-guard), then run uninstall again`,
    )
  }

  #path(object: KubeObject): Promise<string | undefined> {
    const { namespace, name } = object.metadata as { namespace?: string; name: string }
    return this.#kinds.path(object, { ...(namespace === undefined ? {} : { namespace }), name })
  }

  /** What keeps an object from going, in the API server's words. */
  async #why(path: string): Promise<string> {
    const { body } = await this.#api.send('GET', path)
    const status = isRecord(body) && isRecord(body.status) ? body.status : {}
    const conditions = Array.isArray(status.conditions) ? (status.conditions as unknown[]) : []
    const said = conditions.flatMap((condition) =>
      isRecord(condition) && condition.status === 'True' && typeof condition.message === 'string'
        ? [condition.message]
        : [],
    )
    return said.length > 0 ? `(${said.join('; ')})` : `after ${this.#waits.gone / 1000} s`
  }

  async #until(limit: number, done: () => Promise<boolean>): Promise<boolean> {
    for (const start = Date.now(); ; await sleep(EVERY)) {
      if (await done()) return true
      if (Date.now() - start >= limit) return false
    }
  }
}

function isActive(body: unknown): boolean {
  const status = isRecord(body) && isRecord(body.status) ? body.status : {}
  const conditions = Array.isArray(status.conditions) ? (status.conditions as unknown[]) : []
  return conditions.some((one) => isRecord(one) && one.type === 'Active' && one.status === 'True')
}
