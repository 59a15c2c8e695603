import type { ResourceKey } from './configuration.ts'
import type { Policy } from '../model/policy.ts'
import { allAgents } from '../policy/agents.ts'
import { autoscalerUser, scaleTarget } from '../policy/autoscaled.ts'
import { exemptIdentities, type Exempt } from '../policy/exempt.ts'
import { guardGroup } from '../policy/guard-objects.ts'
import { agentPreset, type AgentPreset } from '../policy/presets/agents.ts'
import { controllerManager, systemControllers } from '../policy/system-controllers.ts'
import { agentNamespaces } from '../policy/rules/connect.ts'
import { cel, celAny, celList, celString } from './cel.ts'

/** A named CEL expression. All must be true for the webhook to be asked: each is false for what goes past it. */
export interface MatchCondition {
  name: string
  expression: string
}

/** What the conditions are made from. */
export interface ConditionFacts {
  policy: Policy
  /** Guarded ones. */
  namespaces: readonly string[]
  /** Resources of which Git declares objects; undefined when not known: then everything is asked. */
  declared?: readonly ResourceKey[]
  /** For namespaced resources, or for cluster-scoped ones. */
  scope: 'Namespaced' | 'Cluster'
  /** An account's token must be bound to a live Pod to go past. */
  boundTokens: boolean
}

/** A reason for which a request goes past the webhook. A name may be there more than once. */
interface Past {
  name: string
  expression: string
}

/**
 * The conditions of the webhook. What they let past works as if there were no guard, also while every replica is down;
 * what they ask about is refused then. So they name everything that keeps a cluster alive, and nothing that a person
 * could put on. (Who may impersonate can put on anything: RBAC decides who that is.)
 *
 * Never used: `authorizer` (cluster-admin's `*` passes any check), `namespaceObject` (empty here).
 *
 * The API server evaluates every condition of a webhook for every request, so the reasons are in one, as
 * {@link exemptions} writes it; `first` are more reasons, of one webhook only.
 */
export function conditions(facts: ConditionFacts, first: readonly Past[] = []): MatchCondition[] {
  const exempt = exemptIdentities(facts.policy, facts.namespaces)
  const system = systemUsers()
  const { username: guard } = facts.policy.guard
  const trusted = exempt.users.filter((user) => !system.has(user) && (user !== guard || !facts.boundTokens))
  const limited = facts.scope === 'Namespaced' ? pairs(exempt.limited) : []
  const inputs = agentInputs(facts.policy)
  return exemptions([
    // It may run outside the cluster, where no Pod is.
    ...(facts.boundTokens ? [{ name: 'the-guard', expression: `${cel.user} == ${celString(guard)}` }] : []),
    ...chunks(trusted).map((users) => ({
      name: 'trusted',
      expression: bound(`${cel.user} in ${celList(users)}`, facts.boundTokens),
    })),
    ...first,
    { name: 'never-declared', expression: neverDeclared(facts.policy) },
    { name: 'machinery', expression: machinery },
    { name: 'kubelets', expression: kubelets },
    {
      name: 'system-controllers',
      expression: `${cel.user} in ${celList(system)} && !(${controllerAsked(facts)})`,
    },
    ...chunks(limited).map((each) => ({
      name: 'limited',
      expression: bound(`(${cel.user} + ' ' + ${cel.namespace}) in ${celList(each)}`, facts.boundTokens),
    })),
    { name: 'companions', expression: companions(inputs) },
    { name: 'autoscalers', expression: autoscalers(facts.policy) },
    ...(facts.scope === 'Cluster'
      ? [{ name: 'unguarded-namespaces', expression: unguardedNamespace(facts) }]
      : []),
    ...(judgesUndeclared(facts) ? [] : [{ name: 'operators', expression: operators(facts, inputs) }]),
    { name: 'status-only', expression: statusOnly(inputs) },
  ])
}

/**
 * One condition for as many reasons as fit: `!(reason || reason ...)`, each under its name as a comment. To be read as
 * "asked unless one of these holds". The first that holds ends it, so the exact and frequent come first and what reads
 * objects last. An error in one does not matter where another holds, and refuses where none does: as with a condition
 * for each.
 */
function exemptions(reasons: readonly Past[]): MatchCondition[] {
  const parts: string[][] = []
  let length = Infinity
  for (const { name, expression } of reasons) {
    if (expression === 'false') continue
    const text = `  // ${name}\n  (${expression})`
    if (length + text.length > MAX_EXPRESSION) {
      parts.push([])
      length = 0
    }
    parts.at(-1)!.push(text)
    length += text.length
  }
  return parts.map((texts, index) => ({
    name: index === 0 ? 'not-exempt' : `not-exempt-${index + 1}`,
    expression: `!(\n${texts.join(' ||\n')}\n)`,
  }))
}

/** cel-go's parser takes 100,000 characters in one expression. */
const MAX_EXPRESSION = 80_000
/** Of trusted and of limited agents each; the API server takes 64 conditions. Who is in none of them is judged. */
const MAX_CHUNKS = 20
/** Usernames in one expression, and their characters. */
const CHUNK = 500
const CHUNK_LENGTH = 60_000

function chunks(users: readonly string[]): string[][] {
  const parts: string[][] = []
  let length = Infinity
  for (const user of users) {
    const own = celString(user).length + 2
    if (length + own > CHUNK_LENGTH || parts.at(-1)!.length === CHUNK) {
      parts.push([])
      length = 0
    }
    parts.at(-1)!.push(user)
    length += own
  }
  return parts.slice(0, MAX_CHUNKS)
}

/** `user namespace`: no namespace has a space in it. */
function pairs(limited: Exempt['limited']): string[] {
  return limited.flatMap(({ users, namespaces }) =>
    users.flatMap((user) => namespaces.map((namespace) => `${user} ${namespace}`)),
  )
}

/** Extras prove nothing against somebody who may impersonate; they help against a token that was stolen. */
function bound(expression: string, boundTokens: boolean): string {
  if (!boundTokens) return expression
  return `${expression} && (!${cel.serviceAccount} || 'authentication.kubernetes.io/pod-uid' in request.userInfo.?extra.orValue({}))`
}

/** Never Git's state: reports, elections, and questions that the API server answers without storing anything. */
const NEVER_DECLARED = celList([
  '/events',
  'events.k8s.io/events',
  'coordination.k8s.io/leases',
  'coordination.k8s.io/leasecandidates',
  'authentication.k8s.io/tokenreviews',
  'authentication.k8s.io/selfsubjectreviews',
  'authorization.k8s.io/subjectaccessreviews',
  'authorization.k8s.io/localsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
])

/** But for the Leases by which agents are elected, by anybody else than service accounts: who takes one stops the agent. */
function neverDeclared(policy: Policy): string {
  const elects = `${cel.resource} == 'coordination.k8s.io/leases' && !${cel.serviceAccount} && ${inOneOf(agentNamespaces(policy))}`
  return `${cel.resource} in ${NEVER_DECLARED} && !(${elects})`
}

/**
 * What service accounts do to Pods and nodes as their job: schedulers bind, autoscalers and drainers evict (budgets
 * govern that), and taint, label and remove nodes. A node that joins asks for its certificate.
 */
const machinery = celAny([
  `${cel.serviceAccount} && request.resource.group == '' && ((request.resource.resource == 'pods' && ${cel.subresource} in ['binding', 'eviction']) || request.resource.resource in ['bindings', 'nodes'])`,
  `${cel.user}.startsWith('system:bootstrap:') && 'system:bootstrappers' in ${cel.groups} && request.operation == 'CREATE' && ${cel.resource} == 'certificates.k8s.io/certificatesigningrequests' && ${cel.subresource} == '' && object.?spec.?signerName.orValue('') == 'kubernetes.io/kube-apiserver-client-kubelet'`,
])

/** Metadata that an update of the status can carry along. */
const METADATA = ['labels', 'annotations', 'finalizers', 'ownerReferences']

/**
 * Status is none of the guard's business, metadata smuggled with it is. Flux applies what a source's status points at,
 * and an exception notes in its status what it was used for: those are asked.
 */
function statusOnly(inputs: AgentInputs): string {
  const same = METADATA.map((key) => `object.metadata.?${key} == oldObject.metadata.?${key}`).join(' && ')
  return `request.operation == 'UPDATE' && ${cel.subresource} == 'status' && !(${inputs.expression}) && ${same}`
}

/** True for a request on what tells a configured agent what to do, wherever it is; undefined where no agent has such. */
export function inputsExpression(policy: Policy): string | undefined {
  const { presets } = agentInputs(policy)
  const inputs = presets.flatMap((preset) => preset.inputs)
  return inputs.length === 0 ? undefined : ofKinds(inputs)
}

/** The API groups of these kinds. */
export function inputGroups(policy: Policy): string[] {
  const { presets } = agentInputs(policy)
  const groups = presets.flatMap((preset) => preset.inputs).map((pattern) => pattern.split('/')[0]!)
  return [...new Set(groups)].toSorted()
}

interface AgentInputs {
  /** True for a request on what tells a configured agent what to do, and on the guard's own resources. */
  expression: string
  presets: readonly AgentPreset[]
}

function agentInputs(policy: Policy): AgentInputs {
  const names = new Set(allAgents(policy).map(({ name }) => name))
  const presets = [...names].flatMap((name) => agentPreset(name) ?? [])
  return { presets, expression: ofKinds([...presets.flatMap((preset) => preset.inputs), `${guardGroup}/*`]) }
}

/** `group/*` and `group/Kind` patterns as an expression. */
function ofKinds(patterns: readonly string[]): string {
  const groups = patterns.filter((each) => each.endsWith('/*')).map((each) => each.slice(0, -2))
  const kinds = patterns.filter((each) => !each.includes('*'))
  return celAny([
    ...(groups.length > 0 ? [`request.kind.group in ${celList(groups)}`] : []),
    ...(kinds.length > 0 ? [`${cel.kind} in ${celList(kinds)}`] : []),
  ])
}

/** Controllers of an agent's own product, on the kinds that they reconcile: as the rule `agent-inputs` lets them. */
function companions({ presets }: AgentInputs): string {
  const each = presets.flatMap((preset) => preset.companions)
  return celAny(
    each.flatMap(({ users, kinds }) => {
      const patterns = kinds.filter((kind) => kind.split('/')[0]!.includes('.'))
      return patterns.length === 0 ? [] : [`${cel.user} in ${celList(users)} && (${ofKinds(patterns)})`]
    }),
  )
}

function systemUsers(): Set<string> {
  const users = systemControllers.flatMap((controller) => controller.users)
  return new Set([controllerManager, ...users].filter((user) => !user.includes('*')))
}

/** Kinds whose spec no controller of Kubernetes ever writes. */
const SPEC_IS_GITS = [
  'apps/deployments',
  'apps/statefulsets',
  'apps/daemonsets',
  'batch/jobs',
  'batch/cronjobs',
  'autoscaling/horizontalpodautoscalers',
  'policy/poddisruptionbudgets',
  'networking.k8s.io/ingresses',
  'networking.k8s.io/networkpolicies',
]

/**
 * Kubernetes' own controllers go past but for what could carry somebody else's will: scaling, the spec of what only
 * people and agents write, and the collector's deletes of kinds that Git declares, which an ownerReference can bring
 * about. These are asked while the guard is there, and wait while it is not.
 */
function controllerAsked({ declared }: ConditionFacts): string {
  const collector = systemControllers.find(({ name }) => name === 'generic-garbage-collector')!
  const collected = declared?.map(resourceKey).filter((key) => !NEVER_DELAYED.has(key)) ?? []
  return celAny([
    `${cel.subresource} == 'scale'`,
    `request.operation == 'UPDATE' && ${cel.subresource} == '' && (${cel.resource} in ${celList(SPEC_IS_GITS)} || (request.resource.group.contains('.') && !request.resource.group.endsWith('.k8s.io'))) && object.?spec != oldObject.?spec`,
    ...(collected.length === 0
      ? []
      : [
          `request.operation == 'DELETE' && ${cel.user} in ${celList(collector.users)} && ${cel.resource} in ${celList(collected)}`,
        ]),
  ])
}

/** Children of workloads: a cluster that cannot clear these away fills up. */
const NEVER_DELAYED = new Set([
  '/pods',
  'apps/replicasets',
  'apps/controllerrevisions',
  '/endpoints',
  'discovery.k8s.io/endpointslices',
])

/** Scaling what a declared autoscaler names, by the account that carries it out. */
function autoscalers(policy: Policy): string {
  const targets: string[] = []
  for (const { manifest } of policy.declaredOf('autoscaling', 'HorizontalPodAutoscaler')) {
    const target = scaleTarget(manifest.object)
    const resource = target === undefined ? undefined : SCALED.get(`${target.group}/${target.kind}`)
    if (resource !== undefined) targets.push(`${resource}/${manifest.ref.namespace}/${target!.name}`)
  }
  if (targets.length === 0 || targets.length > MAX_TARGETS) return 'false'
  const users = policy.sharedControllerIdentity ? [autoscalerUser, controllerManager] : [autoscalerUser]
  return `${cel.subresource} == 'scale' && ${cel.user} in ${celList(users)} && (${cel.resource} + '/' + ${cel.namespace} + '/' + request.name) in ${celList(targets)}`
}

const MAX_TARGETS = 1000
const SCALED = new Map([
  ['apps/Deployment', 'apps/deployments'],
  ['apps/StatefulSet', 'apps/statefulsets'],
  ['apps/ReplicaSet', 'apps/replicasets'],
])

/**
 * What kubelets write; the Node authorizer and NodeRestriction hold each to its own node. A node is in no other group
 * that counts: who comes as one and as a master impersonates.
 */
const kubelets = `${cel.user}.startsWith('system:node:') && 'system:nodes' in ${cel.groups} && !('system:masters' in ${cel.groups}) && ${cel.resource} in ${celList(
  [
    '/nodes',
    '/pods',
    '/serviceaccounts',
    '/persistentvolumeclaims',
    'storage.k8s.io/csinodes',
    'storage.k8s.io/volumeattachments',
    'resource.k8s.io/resourceslices',
    'resource.k8s.io/resourceclaims',
    'certificates.k8s.io/certificatesigningrequests',
    'certificates.k8s.io/podcertificaterequests',
  ],
)}`

/** Namespaces that hold nothing of Git's come and go. */
function unguardedNamespace({ namespaces }: ConditionFacts): string {
  return `${cel.resource} == '/namespaces' && request.name != '' && !(request.name in ${celList(namespaces)})`
}

function judgesUndeclared({ policy, declared }: ConditionFacts): boolean {
  return declared === undefined || policy.sources.some(({ undeclared }) => undeclared !== 'allow')
}

/**
 * Service accounts, on kinds of which Git declares nothing and from which nothing follows for what it declares: the
 * networking, storage and certificates of a cluster keep their state in such, and it must not stand still with the
 * guard. Whoever may use an account can do what it may; so what could make an identity, a Pod or a right is asked.
 */
function operators({ declared = [], scope }: ConditionFacts, inputs: AgentInputs): string {
  return [
    cel.serviceAccount,
    "request.operation != 'CONNECT'",
    `!(${cel.resource} in ${celList([...declared.map(resourceKey), ...SENSITIVE])})`,
    `!(request.resource.group in ${celList(SENSITIVE_GROUPS)})`,
    `!(${inputs.expression})`,
    ...(scope === 'Namespaced' ? [`${cel.subresource} != 'scale'`] : []),
  ].join(' && ')
}

const SENSITIVE_GROUPS = [
  'apps',
  'batch',
  'rbac.authorization.k8s.io',
  'certificates.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'policy',
  guardGroup,
]
const SENSITIVE = [
  '/namespaces',
  '/pods',
  '/podtemplates',
  '/replicationcontrollers',
  '/secrets',
  '/configmaps',
  '/serviceaccounts',
  '/services',
  'scheduling.k8s.io/priorityclasses',
]

export function resourceKey({ group, resource }: ResourceKey): string {
  return `${group}/${resource}`
}

/**
 * Where accounts live that go past the webhook though their namespace is not guarded (kube-system): asked about only
 * what would hand such an account out, a token, a token Secret, or something that runs as it. `accounts` are
 * `namespace/name`.
 */
export function identityConditions(policy: Policy, accounts: readonly string[]): MatchCondition[] {
  const listed = accounts.length <= MAX_ACCOUNTS
  const isAccount = (name: string) =>
    listed ? `(${cel.namespace} + '/' + ${name}) in ${celList(accounts)}` : `${name} != ''`
  const runsAs = (path: string) => isAccount(`object.?${path}.?serviceAccountName.orValue('')`)
  const secretOf = "object.?metadata.?annotations[?'kubernetes.io/service-account.name'].orValue('')"
  const handsOut = celAny([
    `request.resource.resource == 'serviceaccounts' && ${cel.subresource} == 'token' && ${isAccount('request.name')}`,
    `request.resource.resource == 'secrets' && object.?type.orValue('') == 'kubernetes.io/service-account-token' && ${isAccount(secretOf)}`,
    ...['spec', 'spec.?template.?spec', 'spec.?jobTemplate.?spec.?template.?spec'].map(runsAs),
  ])
  return exemptions([
    {
      name: 'control-plane',
      expression: `${cel.user} in ${celList([...systemUsers(), policy.guard.username])}`,
    },
    { name: 'kubelets', expression: kubelets },
    { name: 'hands-out-no-identity', expression: `!(${handsOut})` },
  ])
}

/** The list is in the expression five times. With more, every account of those namespaces is asked about. */
const MAX_ACCOUNTS = 200

/** True where a shell in a Pod would be a way to an identity: never let past, whatever the configuration says. */
export function connectInto(namespaces: Iterable<string>): string {
  return inOneOf(namespaces)
}

/** With more than an expression holds, every namespace counts: what is asked needlessly is judged all the same. */
function inOneOf(namespaces: Iterable<string>): string {
  const list = celList(namespaces)
  return list.length > CHUNK_LENGTH ? 'true' : `${cel.namespace} in ${list}`
}
