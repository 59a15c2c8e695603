import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '../cluster/api-error.ts'
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import { nameOf, placeOf, read, type InstallApi, type Place, type Served } from './install-api.ts'
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
  readonly #served: Served
  readonly #options: RemovalOptions
  readonly #waits: Waits

  constructor(api: InstallApi, served: Served, options: RemovalOptions) {
    this.#api = api
    this.#served = served
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
    const resource = this.#served.resourceFor('gitops-guard.dev', 'BreakGlass', 'v1alpha1')
    if (resource === undefined) return []
    const { items } = (await this.#api.list(resource)).object
    return (items as KubeObject[])
      .filter(({ metadata }) => metadata.name !== STEP_DOWN || metadata.namespace !== this.#options.namespace)
      .map(({ metadata }) => `${String(metadata.namespace)}/${String(metadata.name)}`)
  }

  async #askToStepDown(): Promise<void> {
    const { namespace, by, installation, said } = this.#options
    if (!(await this.#guards())) return
    const exception = stepDown(installation, { namespace, by, now: Date.now() })
    const place = placeOf(this.#served, exception)
    if (place === undefined) return
    const object = nameOf(exception)
    try {
      // One of an earlier try may have expired.
      await this.#api.delete(place.resource, place.at).catch(() => undefined)
      await this.#api.create(place.resource, exception)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 404) return
      // Nobody answers reviews: so nobody keeps anything either.
      if (error.status >= 500) return said({ object, action: 'down' })
      // A policy refuses without any guard. If one runs, the policies that go next come back, and that is said.
      if (isByPolicy(error)) return said({ object, action: 'unanswered' })
      throw new Error(`the guard cannot be asked to step down`, { cause: error })
    }
    const active = await this.#until(this.#waits.stepDown, async () => isActive(await read(this.#api, place)))
    said({ object, action: active ? 'stepped-down' : 'unanswered' })
  }

  /** A running guard keeps its webhook filled. */
  async #guards(): Promise<boolean> {
    for (const object of this.#options.installation) {
      if (object.kind !== 'ValidatingWebhookConfiguration') continue
      const webhooks = fieldOf(await this.#read(object), 'webhooks')
      if (Array.isArray(webhooks) && webhooks.length > 0) return true
    }
    return false
  }

  async #remove(object: KubeObject): Promise<void> {
    const place = placeOf(this.#served, object)
    const name = nameOf(object)
    const uid = place && uidOf(await read(this.#api, place))
    if (place === undefined || uid === undefined || !(await this.#delete(place)))
      return this.#options.said({ object: name, action: 'absent' })
    // What comes back at once under another uid is somebody's doing: `#staysAway` says so.
    const gone = await this.#until(this.#waits.gone, async () => uidOf(await read(this.#api, place)) !== uid)
    if (!gone) {
      const why = whyThere(await read(this.#api, place)) || `after ${this.#waits.gone / 1000} s`
      throw new Error(`${name} is still there, ${why}: run uninstall again when it is gone`)
    }
    this.#options.said({ object: name, action: 'removed' })
  }

  /** False where there is nothing to delete. The policy guards the webhook until the API server has noticed that it is gone. */
  async #delete({ resource, at }: Place): Promise<boolean> {
    for (const start = Date.now(); ; await sleep(EVERY)) {
      try {
        await this.#api.delete(resource, at)
        return true
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (error.status === 404) return false
        if (!isByPolicy(error) || Date.now() - start > this.#waits.policy) throw error
      }
    }
  }

  /** A guard that did not step down puts its webhook back within a second. */
  async #staysAway(objects: readonly KubeObject[]): Promise<void> {
    let back: KubeObject | undefined
    await this.#until(this.#waits.stays, async () => {
      for (const object of objects) if ((await this.#read(object)) !== undefined) back = object
      return back !== undefined
    })
    if (back === undefined) return
    throw new Error(
      `${nameOf(back)} is back: a guard is running that has not stepped down, perhaps outside this cluster. Stop it (kubectl scale --replicas=0 -n ${this.#options.namespace} deployment/gitops-guard), then run uninstall again`,
    )
  }

  async #read(object: KubeObject): Promise<KubeObject | undefined> {
    const place = placeOf(this.#served, object)
    return place && read(this.#api, place)
  }

  async #until(limit: number, done: () => Promise<boolean>): Promise<boolean> {
    for (const start = Date.now(); ; await sleep(EVERY)) {
      if (await done()) return true
      if (Date.now() - start >= limit) return false
    }
  }
}

function uidOf(object: KubeObject | undefined): Json | undefined {
  return object?.metadata['uid']
}

function isByPolicy({ serverMessage }: ApiError): boolean {
  return serverMessage.includes('ValidatingAdmissionPolicy')
}

function isActive(object: Json | undefined): boolean {
  return conditions(object).some(
    (one) => fieldOf(one, 'type') === 'Active' && fieldOf(one, 'status') === 'True',
  )
}

/** What keeps an object from going, in the API server's words. */
function whyThere(object: Json | undefined): string {
  const holding = conditions(object).filter((one) => fieldOf(one, 'status') === 'True')
  return holding.map((one) => String(fieldOf(one, 'message') ?? '')).join('; ')
}

function conditions(object: Json | undefined): Json[] {
  const list = fieldOf(fieldOf(object, 'status'), 'conditions')
  return Array.isArray(list) ? list : []
}
