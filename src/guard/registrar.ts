import type { Logger } from '../telemetry/logger.ts'
import { isLeaving } from './identity.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Registration, RegistrationFacts } from './registration.ts'

/** Between two tries to register, in milliseconds. */
const RETRY_MS = 1000

export interface RegistrarOptions {
  api: ClusterApi
  /** The guard's. */
  namespace: string
  registration: Registration
  /** As they are now. */
  facts(): RegistrationFacts
  logger: Logger
}

/** Says when the guard's own registration is made or made anew, and when it is left alone. */
export class Registrar {
  readonly #options: RegistrarOptions
  #registered = false
  #stopping = false

  constructor(options: RegistrarOptions) {
    this.#options = options
  }

  /** The API server asks the guard. */
  get registered(): boolean {
    return this.#registered
  }

  /** Why somebody's policy or webhook refuses the guard its own objects, by object. */
  refusals(): ReadonlyMap<string, string> {
    return this.#options.registration.refusals()
  }

  /** Registers the webhook as the policy in force wants it; tries again until it is there. Never rejects. */
  async register(): Promise<void> {
    const { registration, facts, logger } = this.#options
    try {
      await registration.keep(facts())
      this.#registered = true
    } catch (error) {
      logger.error({ err: error }, 'the webhook cannot be registered: trying again')
      if (!this.#stopping) setTimeout(() => void this.register(), RETRY_MS).unref()
    }
  }

  /** The policy or the certificates are others now. Before the first registration there is nothing to change. */
  renew(): void {
    if (this.#registered) void this.register()
  }

  /** Leaves the registration alone while the guard is being uninstalled, or keeps it again. */
  async stepDown(down: boolean): Promise<void> {
    const { api, namespace, registration, logger } = this.#options
    // With its namespace the rest of the guard goes: nothing comes back then.
    if (!down && (await isLeaving(api, namespace))) return
    registration.stepDown(down)
    logger.warn(
      down
        ? 'the guard steps down: its webhook and its policies are kept no longer'
        : 'the guard guards again',
    )
    if (!down) await this.register()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#options.registration.stop()
  }
}
