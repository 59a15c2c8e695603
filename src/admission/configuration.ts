import type { JsonObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { serviceAccount } from '../policy/actors.ts'
import { allAgents } from '../policy/agents.ts'
import { agentNamespaces } from '../policy/rules/connect.ts'
import { systemControllers } from '../policy/system-controllers.ts'
import {
  conditions,
  connectInto,
  identityConditions,
  inputGroups,
  inputsExpression,
  type MatchCondition,
} from './conditions.ts'

/** A resource whatever its version, subresources included. */
export interface ResourceKey {
  group: string
  resource: string
}

/** How the API server reaches the guard. */
export type ClientTarget = { url: string } | { service: { namespace: string; name: string; port: number } }

/** What the webhook configuration is made from. */
export interface ConfigurationFacts {
  policy: Policy
  /** Guarded namespaces: of sources, of agents, the guard's own. */
  namespaces: readonly string[]
  /** Resources of which Git declares objects; undefined when not known yet. */
  declared?: readonly ResourceKey[]
  target: ClientTarget
  /** PEM. */
  caBundle: string
  /** Seconds; above the server's own deadline. */
  timeoutSeconds?: number
  /** `everything` asks for every resource with one rule; a list is for platforms that refuse that (GKE Autopilot). */
  resources: 'everything' | readonly (ResourceKey & { namespaced: boolean })[]
  /** False for servers without optional fields in CEL: everything is asked. Default true. */
  conditions?: boolean
  /** An agent goes past only with a token bound to a live Pod. Default false. */
  boundTokens?: boolean
}

/** Names of the webhooks in the configuration: the API server puts them before audit annotations. */
export const webhookNames = {
  namespaced: 'namespaced.gitops-guard.dev',
  cluster: 'cluster.gitops-guard.dev',
  inputs: 'inputs.gitops-guard.dev',
  identities: 'identities.gitops-guard.dev',
  connect: 'connect.gitops-guard.dev',
} as const

/**
 * The ValidatingWebhookConfiguration of the guard, from facts alone: the same facts give the same object.
 *
 * One webhook for namespaced resources, in guarded namespaces by their immutable name label; one for cluster-scoped
 * resources; one for what tells agents what to do, in whatever namespace; one for handing out identities of the control plane, where its namespace is not guarded; and where
 * connects are allowed, one that only hears of them, and lets them through while the guard is down.
 */
export function webhookConfiguration(facts: ConfigurationFacts): JsonObject {
  const { policy } = facts
  const webhooks = [
    namespacedWebhook(facts),
    clusterWebhook(facts),
    ...inputsWebhook(facts),
    ...identityWebhook(facts),
    ...(policy.connect === 'allow' ? [connectWebhook(facts)] : []),
  ]
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: {
      name: policy.guard.name,
      labels: { 'app.kubernetes.io/name': 'gitops-guard', 'app.kubernetes.io/managed-by': 'gitops-guard' },
      // AKS adds to the selectors of webhooks unless told not to.
      annotations: { 'admissions.enforcer/disabled': 'true' },
    },
    webhooks,
  }
}

const WRITES = ['CREATE', 'UPDATE', 'DELETE']

function namespacedWebhook(facts: ConfigurationFacts): JsonObject {
  const strict = connectInto(strictNamespaces(facts.policy))
  const connects = `request.operation == 'CONNECT' && !(${strict})`
  return webhook(facts, {
    name: webhookNames.namespaced,
    scope: 'Namespaced',
    namespaceSelector: inNamespaces(facts.namespaces),
    matchConditions: conditions(
      conditionFacts(facts, 'Namespaced'),
      facts.policy.connect === 'allow' ? [{ name: 'connects', expression: connects }] : [],
    ),
  })
}

function clusterWebhook(facts: ConfigurationFacts): JsonObject {
  return webhook(facts, {
    name: webhookNames.cluster,
    scope: 'Cluster',
    ...(facts.policy.connect === 'allow' ? { operations: WRITES } : {}),
    matchConditions: conditions(conditionFacts(facts, 'Cluster')),
  })
}

/** What tells an agent what to do does so in any namespace: in those that are not guarded, it alone is asked about. */
function inputsWebhook(facts: ConfigurationFacts): JsonObject[] {
  const expression = inputsExpression(facts.policy)
  if (expression === undefined || facts.conditions === false) return []
  const parts = {
    name: webhookNames.inputs,
    scope: 'Namespaced' as const,
    namespaceSelector: inNamespaces(facts.namespaces, 'NotIn'),
    matchConditions: conditions(conditionFacts(facts, 'Namespaced'), [
      { name: 'tells-no-agent', expression: `!(${expression})` },
    ]),
  }
  const groups = inputGroups(facts.policy)
  return [{ ...webhook(facts, parts), rules: groups.map((group) => rule(group, ['*/*'], WRITES)) }]
}

/** Nothing where the namespaces of those accounts are guarded anyway. */
function identityWebhook(facts: ConfigurationFacts): JsonObject[] {
  if (facts.conditions === false) return []
  const users = [
    ...systemControllers.flatMap((controller) => controller.users),
    ...allAgents(facts.policy).flatMap((agent) => agent.users),
  ]
  const guarded = new Set(facts.namespaces)
  const accounts = users
    .filter((user) => !user.includes('*'))
    .flatMap((user) => serviceAccount(user) ?? [])
    .filter(({ namespace }) => !guarded.has(namespace))
  if (accounts.length === 0) return []
  return [
    {
      ...webhook(facts, {
        name: webhookNames.identities,
        scope: 'Namespaced',
        namespaceSelector: inNamespaces(accounts.map(({ namespace }) => namespace)),
        matchConditions: identityConditions(
          facts.policy,
          accounts.map(({ namespace, name }) => `${namespace}/${name}`),
        ),
      }),
      rules: [
        rule('', ['serviceaccounts/token', 'secrets', 'pods', 'replicationcontrollers']),
        rule('apps', ['deployments', 'statefulsets', 'daemonsets', 'replicasets']),
        rule('batch', ['jobs', 'cronjobs']),
      ],
    },
  ]
}

function connectWebhook(facts: ConfigurationFacts): JsonObject {
  return {
    ...webhook(facts, {
      name: webhookNames.connect,
      scope: '*',
      operations: ['CONNECT'],
      namespaceSelector: inNamespaces(facts.namespaces),
      matchConditions: [
        { name: 'connects', expression: `!(${connectInto(strictNamespaces(facts.policy))})` },
      ],
    }),
    failurePolicy: 'Ignore',
  }
}

interface WebhookParts {
  name: string
  scope: 'Namespaced' | 'Cluster' | '*'
  operations?: readonly string[]
  namespaceSelector?: JsonObject
  matchConditions: readonly MatchCondition[]
}

/** With what the API server would default, so that what it stores equals what is wanted. */
function webhook(facts: ConfigurationFacts, parts: WebhookParts): JsonObject {
  const { target, caBundle, timeoutSeconds = 5 } = facts
  const clientConfig =
    'url' in target ? { url: target.url } : { service: { ...target.service, path: '/validate' } }
  return {
    name: parts.name,
    clientConfig: { ...clientConfig, caBundle: Buffer.from(caBundle).toString('base64') },
    rules: rules(facts, parts),
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    namespaceSelector: parts.namespaceSelector ?? {},
    objectSelector: {},
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds,
    admissionReviewVersions: ['v1'],
    ...(facts.conditions === false || parts.matchConditions.length === 0
      ? {}
      : { matchConditions: parts.matchConditions.map((condition) => ({ ...condition })) }),
  }
}

function rules({ resources }: ConfigurationFacts, { scope, operations }: WebhookParts): JsonObject[] {
  const asked = [...(operations ?? [...WRITES, 'CONNECT'])]
  if (resources === 'everything') {
    return [{ apiGroups: ['*'], apiVersions: ['*'], operations: asked, resources: ['*/*'], scope }]
  }
  const groups = new Map<string, string[]>()
  for (const { group, resource, namespaced } of resources) {
    if (scope !== '*' && namespaced !== (scope === 'Namespaced')) continue
    groups.set(group, [...(groups.get(group) ?? []), resource, `${resource}/*`])
  }
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, names]) => ({
      apiGroups: [group],
      apiVersions: ['*'],
      operations: asked,
      resources: [...new Set(names)].toSorted(),
      scope,
    }))
}

function rule(group: string, resources: string[], operations = ['CREATE', 'UPDATE']): JsonObject {
  return {
    apiGroups: [group],
    apiVersions: ['*'],
    operations,
    resources,
    scope: 'Namespaced',
  }
}

function inNamespaces(namespaces: readonly string[], operator: 'In' | 'NotIn' = 'In'): JsonObject {
  const values = [...new Set(namespaces)].toSorted()
  return { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator, values }] }
}

/** Where a shell reaches the token of an agent or of the guard. */
function strictNamespaces(policy: Policy): string[] {
  return [...agentNamespaces(policy), policy.guard.namespace]
}

function conditionFacts(facts: ConfigurationFacts, scope: 'Namespaced' | 'Cluster') {
  const { policy, namespaces, declared, boundTokens = false } = facts
  return { policy, namespaces, scope, boundTokens, ...(declared === undefined ? {} : { declared }) }
}
