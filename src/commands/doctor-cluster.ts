import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import type { Resource } from '../cluster/api-path.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { readMutator } from '../cluster/mutators.ts'
import type { AdmissionFacts, Facts, GuardFacts, Rbac } from '../doctor/facts.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { GuardIdentity } from '../model/policy.ts'
import { formatRef, groupOf } from '../object/identity.ts'
import { fieldOf, isObject } from '../object/json.ts'
import type { DesiredIndex } from '../policy/snapshot.ts'

const RBAC = 'rbac.authorization.k8s.io'
const ADMISSION = 'admissionregistration.k8s.io'
const CORE = { group: '', version: 'v1', namespaced: true }
const METADATA = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json;q=0.1'

/** Lists of one kind, by namespace; where there would be more, one of all. */
const MOST_LISTS = 20

/** Lists what a cluster holds of a few kinds; what may not be seen is noted once and left out. */
export class ClusterLook {
  readonly #api: ClusterApi
  readonly #discovery: Discovery
  /** What could not be read, for people. */
  readonly unseen: string[] = []

  constructor(api: ClusterApi, discovery: Discovery) {
    this.#api = api
    this.#discovery = discovery
  }

  async rbac(): Promise<Rbac | undefined> {
    const lists = await Promise.all([
      this.#list(RBAC, 'ClusterRole'),
      this.#list(RBAC, 'ClusterRoleBinding'),
      this.#list(RBAC, 'Role'),
      this.#list(RBAC, 'RoleBinding'),
    ])
    const [clusterRoles, clusterRoleBindings, roles, roleBindings] = lists
    if (
      clusterRoles === undefined ||
      clusterRoleBindings === undefined ||
      roles === undefined ||
      roleBindings === undefined
    )
      return undefined
    const tokenSecrets = await this.#tokenSecrets()
    return { clusterRoles, clusterRoleBindings, roles, roleBindings, tokenSecrets }
  }

  async admission(): Promise<AdmissionFacts | undefined> {
    const [validatingWebhooks, policies, bindings] = await Promise.all([
      this.#list(ADMISSION, 'ValidatingWebhookConfiguration'),
      this.#list(ADMISSION, 'ValidatingAdmissionPolicy'),
      this.#list(ADMISSION, 'ValidatingAdmissionPolicyBinding'),
    ])
    if (validatingWebhooks === undefined) return undefined
    return { validatingWebhooks, policies: policies ?? [], bindings: bindings ?? [] }
  }

  /** Mutating webhooks and policies for kinds that Git declares. */
  async rewriters(index: DesiredIndex): Promise<Facts['rewriters']> {
    const found = await Promise.all([
      this.#list(ADMISSION, 'MutatingWebhookConfiguration'),
      this.#list(ADMISSION, 'MutatingAdmissionPolicy'),
    ])
    const declared = [...index.all()].map(({ manifest }) => manifest.ref)
    return found.flat().flatMap((object) => {
      const mutator = object === undefined ? undefined : readMutator(object)
      if (object === undefined || mutator === undefined) return []
      const kinds = new Set<string>()
      for (const ref of declared) {
        const resource = this.#discovery.resourceFor(ref.group, ref.kind)
        if (resource !== undefined && mutator.applies(resource, ref.namespace)) kinds.add(ref.kind)
      }
      if (kinds.size === 0) return []
      const name = String(object.metadata['name'])
      const ref = { group: ADMISSION, kind: object.kind, namespace: '', name }
      return [
        {
          object: formatRef(ref),
          kinds: [...kinds].toSorted(),
          declared: index.declared(ref) !== undefined,
        },
      ]
    })
  }

  /** The guard's Deployment and budgets, and Deployments elsewhere that are labelled as a guard. */
  async guard({
    namespace,
    name,
  }: GuardIdentity): Promise<Pick<GuardFacts, 'deployment' | 'budgets' | 'others'>> {
    const query = { labelSelector: `app.kubernetes.io/name=${name}` }
    const [deployments, budgets] = await Promise.all([
      this.#list('apps', 'Deployment', undefined, query),
      this.#list('policy', 'PodDisruptionBudget', namespace),
    ])
    const own = deployments?.find(
      (each) => each.metadata['namespace'] === namespace && each.metadata['name'] === name,
    )
    const spec = own?.['spec']
    const others = (deployments ?? []).filter((each) => each !== own)
    return {
      ...(isObject(spec) ? { deployment: spec } : {}),
      ...(budgets === undefined ? {} : { budgets }),
      others: others.map(({ metadata }) => `${String(metadata['namespace'])}/${String(metadata['name'])}`),
    }
  }

  /** Objects of a kind where Git declares some, with their apiVersion; undefined where they may not be seen. */
  async objects(of: {
    group: string
    kind: string
    namespaces: ReadonlySet<string>
  }): Promise<KubeObject[] | undefined> {
    const { group, kind, namespaces } = of
    // A list of all of a big cluster's Secrets costs more than a few of some namespaces.
    if (namespaces.size > MOST_LISTS) return await this.#list(group, kind)
    const lists = await Promise.all(
      [...namespaces].map((namespace) => this.#list(group, kind, namespace === '' ? undefined : namespace)),
    )
    return lists.every((list) => list !== undefined) ? lists.flat() : undefined
  }

  /** Whether admission from files refuses a change of the guard's policies; undefined where it cannot be told. */
  async staticManifests({ name }: GuardIdentity): Promise<boolean | undefined> {
    const resource = this.#discovery.resourceFor(ADMISSION, 'ValidatingAdmissionPolicyBinding')
    if (resource === undefined) return undefined
    const probe: KubeObject = {
      apiVersion: `${ADMISSION}/${resource.version}`,
      kind: resource.kind,
      metadata: { name: `${name}-doctor-probe` },
      spec: { policyName: `${name}-doctor-probe`, validationActions: ['Audit'] },
    }
    try {
      await this.#api.create(resource, probe, { query: { dryRun: 'All' } })
      return false
    } catch (error) {
      return error instanceof ApiError && error.serverMessage.includes('.static.k8s.io') ? true : undefined
    }
  }

  /** Why a write in a guarded namespace fails at the guard's webhook; undefined where it does not, or nobody can tell. */
  async webhookFailure(namespaces: readonly string[]): Promise<string | undefined> {
    for (const namespace of namespaces) {
      const probe: KubeObject = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace, name: 'gitops-guard-doctor-probe' },
      }
      const resource: Resource = { ...CORE, resource: 'configmaps', kind: 'ConfigMap' }
      try {
        await this.#api.create(resource, probe, { query: { dryRun: 'All' }, retries: 0 })
        return undefined
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (/failed calling webhook .*gitops-guard\.dev/.test(error.serverMessage)) return error.serverMessage
        if (error.status !== 404) return undefined
      }
    }
    return undefined
  }

  /** Of Secrets only the metadata is asked for. */
  async #tokenSecrets(): Promise<Rbac['tokenSecrets']> {
    try {
      const { object } = await this.#api.list({ ...CORE, resource: 'secrets', kind: 'Secret' }, undefined, {
        accept: METADATA,
        query: { fieldSelector: 'type=kubernetes.io/service-account-token' },
      })
      // An empty list of metadata has null for its items.
      return itemsOf(object).flatMap((item) => {
        const metadata = fieldOf(item, 'metadata')
        const account = fieldOf(fieldOf(metadata, 'annotations'), 'kubernetes.io/service-account.name')
        return typeof account !== 'string'
          ? []
          : [
              {
                namespace: String(fieldOf(metadata, 'namespace')),
                name: String(fieldOf(metadata, 'name')),
                account,
              },
            ]
      })
    } catch (error) {
      this.#missed('service account token Secrets', error)
      return []
    }
  }

  async #list(
    group: string,
    kind: string,
    namespace?: string,
    query: { [key: string]: string } = {},
  ): Promise<KubeObject[] | undefined> {
    const resource = this.#discovery.resourceFor(group, kind)
    if (resource === undefined) return []
    const apiVersion = group === '' ? resource.version : `${group}/${resource.version}`
    try {
      const { object } = await this.#api.list(resource, namespace, { query })
      return itemsOf(object).flatMap((item) =>
        isObject(item) && isObject(item['metadata'])
          ? [{ ...item, apiVersion, kind, metadata: item['metadata'] as JsonObject }]
          : [],
      )
    } catch (error) {
      this.#missed(`${resource.resource}${groupOf(apiVersion) === '' ? '' : `.${group}`}`, error)
      return undefined
    }
  }

  #missed(what: string, error: unknown): void {
    if (!(error instanceof ApiError) || error.status === 0) throw error
    const text = `${what}: ${error.serverMessage}`
    if (!this.unseen.includes(text)) this.unseen.push(text)
  }
}

function itemsOf(list: JsonObject): Json[] {
  const items = list['items']
  return Array.isArray(items) ? items : []
}
