import type { ClusterApi } from '../cluster/api.ts'
import { isInScope } from '../policy/break-glass-scope.ts'
import { ownExceptions } from '../policy/break-glass-object.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Core } from './core.ts'
import { noteActive } from './exception-status.ts'
import type { Exception } from './exceptions.ts'

export interface ExceptionDutiesOptions {
  api: ClusterApi
  /** The guard's. */
  namespace: string
  /** The one in force. */
  core(): Core
  tell(event: ExceptionEvent, exception: Exception): void
  /** Leaves the guard's own registration alone, or keeps it again. */
  stepDown(down: boolean): Promise<void>
  logger: Logger
}

export type ExceptionEvent = 'opened' | 'renewed' | 'ended'

/** What is to be done when an exception opens or ends. */
export class ExceptionDuties {
  readonly #options: ExceptionDutiesOptions

  constructor(options: ExceptionDutiesOptions) {
    this.#options = options
  }

  /** Tells it, notes it in the exception's status, and brings Git's state back once it has ended. */
  happened(event: ExceptionEvent, exception: Exception): void {
    this.#options.tell(event, exception)
    void this.#carryOut(event !== 'ended', exception)
    if (event === 'ended') this.#takeBack(exception)
  }

  #takeBack(exception: Exception): void {
    const { policy, reconciler } = this.#options.core()
    for (const { manifest } of policy.declaredIn(exception.namespace))
      if (isInScope(exception, manifest.ref)) reconciler.check(manifest.ref)
  }

  /** For `uninstall` the guard steps down before the status says that it is open. */
  async #carryOut(active: boolean, exception: Exception): Promise<void> {
    const { api, namespace: own, stepDown, logger } = this.#options
    const { name, namespace } = exception
    try {
      if (name === ownExceptions.uninstall && namespace === own) await stepDown(active)
      await noteActive(api, exception, active)
    } catch (error) {
      logger.warn({ err: error, namespace, name }, 'the status of an exception cannot be written')
    }
  }
}
