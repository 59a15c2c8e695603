import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject, KubeObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { webhookConfiguration, type ClientTarget, type ResourceKey } from '../admission/configuration.ts'
import { guardingPolicies } from '../admission/policies.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { ApiError } from '../cluster/api-error.ts'
import { Keeper, type Restoration } from '../cluster/keep.ts'
import { isPlatformAddition } from '../cluster/platform-additions.ts'
import { serverSupport } from '../doctor/server-support.ts'
import { readableChanges } from '../drift/changeset.ts'
import { readRefused } from '../cluster/refused.ts'
import type { ResourceInfo } from '../model/identity.ts'
import { groupOf } from '../object/identity.ts'
import { equalJson } from '../object/json.ts'
import { agentPresets } from '../policy/presets/agents.ts'
import { serviceAccount } from '../policy/actors.ts'
import { allAgents } from '../policy/agents.ts'
import { ownExceptions } from '../policy/break-glass-object.ts'
import type { DesiredIndex } from '../policy/snapshot.ts'

export interface RegistrationOptions {
  api: ClusterApi
  discovery: Discovery
  target: ClientTarget
  /** One of the kept objects was changed or deleted by somebody, and is back. */
  onRestored(what: string, restoration: Restoration): void
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

/** A kept object, by what it should be now. */
interface Kept {
  keeper: Keeper
  wanted: KubeObject
}

/**
 * The guard's webhook configuration and the policies beside it: kept as they should be, in step with Git. Stopping leaves
 * them in place, so that a guard that is down still refuses people.
 */
export class Registration {
  readonly #options: RegistrationOptions
  readonly #kept = new Map<string, Kept>()
  readonly #refusals = new Map<string, string>()
  #steppedDown = false
  #stopped = false

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** Makes the objects say what follows from these facts, now and until other facts come. */
  async keep(facts: RegistrationFacts): Promise<void> {
    if (this.#stopped) return
    await Promise.all(wantedObjects(facts, this.#options).map((object) => this.#put(object)))
    if (!this.#stopped && !this.#steppedDown) this.#options.onPublished(facts.caBundle)
  }

  /** The API server's words where somebody's policy or webhook refuses the guard its own objects, by object. */
  refusals(): ReadonlyMap<string, string> {
    return this.#refusals
  }

  /** Leaves the objects alone from now on: the guard is being uninstalled. Or keeps them again. */
  stepDown(down: boolean): void {
    if (this.#steppedDown === down) return
    this.#steppedDown = down
    if (down) this.#refusals.clear()
    if (!down) for (const { keeper } of this.#kept.values()) void keeper.update()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#kept.values()].map(({ keeper }) => keeper.stop()))
  }

  async #put(object: KubeObject): Promise<void> {
    const name = String(object.metadata['name'])
    const key = `${object.kind}/${name}`
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      if (equalJson(kept.wanted, object)) return
      kept.wanted = object
      return kept.keeper.update()
    }
    const resource = this.#options.discovery.resourceFor(groupOf(object.apiVersion), object.kind)
    if (resource === undefined) {
      this.#options.onError(new Error(`this API server serves no ${object.kind}: ${name} is left out`))
      return
    }
    const made: Kept = { wanted: object, keeper: this.#keeper(resource, name, () => made.wanted) }
    this.#kept.set(key, made)
    made.keeper.start()
    while (!made.keeper.state().synced && !this.#stopped) await sleep(10)
    await made.keeper.update()
  }

  #keeper(resource: ResourceInfo, name: string, wanted: () => KubeObject): Keeper {
    const { api, onRestored, onError } = this.#options
    const what = `${resource.kind} ${name}`
    return new Keeper({
      api,
      resource,
      name,
      wanted: () => (this.#steppedDown ? undefined : wanted()),
      tolerate: isPlatformAddition,
      onRestored: (restoration) => onRestored(what, restoration),
      onTolerated: (changes) =>
        onError(new Error(`the platform changes ${what}: ${readableChanges(changes).join('; ')}`)),
      onKept: () => this.#refusals.delete(what),
      onError: (error) => {
        if (error instanceof ApiError && readRefused(error) === 'admission')
          this.#refusals.set(what, error.serverMessage)
        onError(new Error(`cannot keep ${what}`, { cause: error }))
      },
    })
  }
}

/** The webhook configuration and the policies beside it that follow from these facts. */
export function wantedObjects(
  { policy, index, caBundle }: RegistrationFacts,
  {
    discovery,
    target,
  }: { discovery: Pick<Discovery, 'resourceFor' | 'serverVersion'>; target: ClientTarget },
): KubeObject[] {
  const namespaces = guardedNamespaces(policy, index)
  const declared = declaredResources(index, discovery)
  const { conditions } = serverSupport(discovery.serverVersion)
  const webhook = webhookConfiguration({
    policy,
    namespaces,
    declared,
    target,
    caBundle,
    resources: 'everything',
    conditions,
    boundTokens: policy.boundTokens === true,
  })
  const declaredWebhooks = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'].flatMap(
    (kind) =>
      [...index.declaredOf('admissionregistration.k8s.io', kind)].map(({ manifest }) => manifest.ref.name),
  )
  const policies = conditions
    ? guardingPolicies({ policy, namespaces, declared, declaredWebhooks, installers: upgraders(policy) })
    : []
  const objects = [webhook, ...policies] as KubeObject[]
  return enforces(policy) ? objects : objects.map(harmless)
}

/** Namespaces whose writes the webhook is asked about: of sources, of agents, the guard's own. */
export function guardedNamespaces(policy: Policy, index: DesiredIndex): string[] {
  const agents = allAgents(policy)
  const presets = agentPresets.filter(({ name }) => agents.some((agent) => agent.name === name))
  return [
    ...new Set([
      ...index.namespaces(),
      ...presets.filter(({ dedicated }) => dedicated === true).flatMap((preset) => preset.namespaces),
      ...agents.flatMap(({ users }) => users.flatMap((user) => serviceAccount(user)?.namespace ?? [])),
      policy.guard.namespace,
    ]),
  ]
    .filter((namespace) => namespace !== '' && !namespace.includes('*') && namespace !== 'kube-system')
    .toSorted()
}

function declaredResources(index: DesiredIndex, discovery: Pick<Discovery, 'resourceFor'>): ResourceKey[] {
  const found = new Map<string, ResourceKey>()
  for (const { manifest } of index.all()) {
    const info = discovery.resourceFor(manifest.ref.group, manifest.ref.kind)
    if (info !== undefined)
      found.set(`${info.group}/${info.resource}`, { group: info.group, resource: info.resource })
  }
  return [...found.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

const keyOf = ({ group, resource }: ResourceKey) => `${group}/${resource}`

/** Who may change the guard for now: whoever opened the exception for its upgrade. */
function upgraders({ breakGlass, guard }: Policy): string[] {
  return breakGlass
    .filter(({ name, namespace }) => name === ownExceptions.upgrade && namespace === guard.namespace)
    .flatMap(({ openedBy }) => (openedBy === '' ? [] : [openedBy]))
}

/** Whether anything is refused at all. */
function enforces({ mode, sources, modes }: Policy): boolean {
  return mode === 'enforce' || [...sources, ...modes].some((one) => one.mode === 'enforce')
}

/** Where nothing is refused, a guard that is down refuses nothing either, and policies over others' objects only warn. */
function harmless(object: KubeObject): KubeObject {
  if (object.kind === 'ValidatingWebhookConfiguration') {
    const webhooks = (object['webhooks'] as JsonObject[]).map((webhook) => ({
      ...webhook,
      failurePolicy: 'Ignore',
    }))
    return { ...object, webhooks }
  }
  const others = String(object.metadata['name']).endsWith('-webhooks')
  if (object.kind !== 'ValidatingAdmissionPolicyBinding' || !others) return object
  return { ...object, spec: { ...(object['spec'] as JsonObject), validationActions: ['Warn'] } }
}
