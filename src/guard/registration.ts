import type { JsonObject, KubeObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { celSupport } from '../admission/cel-support.ts'
import { webhookConfiguration, type ClientTarget, type ResourceKey } from '../admission/configuration.ts'
import { guardingPolicies } from '../admission/policies.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { Keeper, type Restoration } from '../cluster/keep.ts'
import { agentPresets } from '../policy/presets/agents.ts'
import { serviceAccount } from '../policy/actors.ts'
import { allAgents } from '../policy/agents.ts'
import type { DesiredIndex } from '../policy/snapshot.ts'

export interface RegistrationOptions {
  api: ClusterApi
  discovery: Discovery
  target: ClientTarget
  /** One of the kept objects was changed or deleted by somebody, and is back. */
  onRestored(restoration: Restoration): void
  onError(error: Error): void
  /** The API server has this CA bundle in the webhook configuration. */
  onPublished(caBundle: string): void
}

/** What the registration is made from. */
export interface RegistrationFacts {
  policy: Policy
  index: DesiredIndex
  /** PEM. */
  caBundle: string
}

/**
 * The guard's webhook configuration and the policies beside it: kept as they should be, in step with Git. Stopping leaves
 * them in place, so that a guard that is down still refuses people.
 */
export class Registration {
  readonly #options: RegistrationOptions
  readonly #keepers = new Map<string, Keeper>()
  #resources: 'everything' | 'each' = 'everything'
  #stopped = false

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** Makes the objects say what follows from these facts, now and until other facts come. */
  async keep(facts: RegistrationFacts): Promise<void> {
    if (this.#stopped) return
    const wanted = this.#wanted(facts)
    await Promise.all(
      wanted.map(async (object) => {
        const key = `${object.kind}/${String(object.metadata['name'])}`
        const keeper = this.#keepers.get(key)
        if (keeper !== undefined) return keeper.update(object)
        await this.#start(key, object, facts.caBundle)
      }),
    )
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.stop()))
  }
}
