import type { JsonObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { exemptIdentities } from '../policy/exempt.ts'
import { guardGroup, type guardingPolicySuffixes } from '../policy/guard-objects.ts'
import { cel, celAny, celList, celString } from './cel.ts'
import type { MatchCondition } from './conditions.ts'
import type { ResourceKey } from './configuration.ts'

/** What the policies are made from. */
export interface PolicyFacts {
  policy: Policy
  /** Guarded namespaces. */
  namespaces: readonly string[]
  /** Resources of which Git declares objects. */
  declared: readonly ResourceKey[]
  /** Names of the webhook configurations that Git declares: no webhook ever sees a change of them. */
  declaredWebhooks?: readonly string[]
  /** Who installs and upgrades the guard, besides agents: exact usernames. */
  installers?: readonly string[]
}

/**
 * The ValidatingAdmissionPolicies that stand where webhooks cannot: each followed by its binding. They need no guard to
 * be there. What they cannot do is guard policies: that is for RBAC, for the guard, which puts them back, and for
 * static manifests.
 */
export function guardingPolicies(facts: PolicyFacts): JsonObject[] {
  return [
    ...pair(facts, ownObjects(facts)),
    ...pair(facts, ownNamespace(facts)),
    ...pair(facts, otherWebhooks(facts)),
  ]
}

interface GuardingPolicy {
  /** After the guard's name. */
  suffix: (typeof guardingPolicySuffixes)[number]
  resourceRules: JsonObject[]
  namespaceSelector?: JsonObject
  matchConditions: readonly MatchCondition[]
  validations: readonly { expression: string; message: string }[]
}

/** The guard's webhook configuration, roles and definitions: for the guard, agents and installers only. */
function ownObjects(facts: PolicyFacts): GuardingPolicy {
  const { name } = facts.policy.guard
  return {
    suffix: '',
    resourceRules: [
      rule('admissionregistration.k8s.io', ['validatingwebhookconfigurations']),
      rule('rbac.authorization.k8s.io', ['clusterroles', 'clusterrolebindings']),
      rule('flowcontrol.apiserver.k8s.io', ['flowschemas', 'prioritylevelconfigurations']),
      rule('apiextensions.k8s.io', ['customresourcedefinitions']),
    ],
    // Not resourceNames: an item of a deletecollection comes without a name of its own.
    matchConditions: [
      {
        name: 'own-objects',
        expression: celAny([
          `${NAME} == ${celString(name)}`,
          `${NAME}.startsWith(${celString(`${name}-`)})`,
          `${NAME}.startsWith(${celString(`${name}:`)})`,
          `request.resource.group == 'apiextensions.k8s.io' && ${NAME}.endsWith(${celString(`.${guardGroup}`)})`,
        ]),
      },
    ],
    validations: [
      {
        expression: `${cel.user} in ${celList(allowed(facts))}`,
        message: `this is part of GitOps Guard: change it where the guard was installed from; gitops-guard uninstall removes it`,
      },
    ],
  }
}

/**
 * What runs the guard, should its webhook be gone: people keep their hands off, controllers do their work. Exceptions are
 * people's to write, here as anywhere: the guard says which.
 */
function ownNamespace(facts: PolicyFacts): GuardingPolicy {
  const { namespace } = facts.policy.guard
  return {
    suffix: '-namespace',
    resourceRules: [
      { ...rule('*', ['*/*']), scope: 'Namespaced' },
      { ...rule('', ['namespaces', 'namespaces/*']), scope: 'Cluster' },
    ],
    namespaceSelector: {
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace] }],
    },
    matchConditions: [
      {
        name: 'people-where-not-always-allowed',
        expression: `!(${MACHINE} || ${cel.resource} in ['/events', 'events.k8s.io/events'] || ${cel.subresource} == 'eviction' || request.resource.group == 'authorization.k8s.io' || (${cel.resource} == '${guardGroup}/breakglasses' && ${cel.subresource} == ''))`,
      },
    ],
    validations: [
      {
        expression: `${cel.user} in ${celList(allowed(facts))}`,
        message: `GitOps Guard runs in namespace ${namespace}: change it where the guard was installed from`,
      },
    ],
  }
}

/**
 * Webhook configurations of others. By people: none that Git declares is changed or deleted, and none is added or
 * changed to mutate what the guard watches, since it would rewrite what agents bring in. Service accounts may: operators
 * keep their own (the watcher holds those that Git declares).
 */
function otherWebhooks(facts: PolicyFacts): GuardingPolicy {
  const { declaredWebhooks = [], declared, namespaces } = facts
  const groups = new Set(declared.map(({ group }) => group))
  const outside = `w.?namespaceSelector.?matchExpressions.orValue([]).exists(e, e.key == 'kubernetes.io/metadata.name' && e.operator == 'In' && e.?values.orValue([]).all(v, !(v in ${celList(namespaces)})))`
  const otherGroups = `w.?rules.orValue([]).all(r, r.?apiGroups.orValue([]).all(g, g != '*' && !(g in ${celList(groups)})))`
  return {
    suffix: '-webhooks',
    resourceRules: [
      rule('admissionregistration.k8s.io', [
        'validatingwebhookconfigurations',
        'mutatingwebhookconfigurations',
      ]),
    ],
    matchConditions: [{ name: 'people', expression: `!(${MACHINE})` }],
    validations: [
      {
        expression: `${cel.user} in ${celList(allowed(facts))} || !(${NAME} in ${celList(declaredWebhooks)})`,
        message: 'Git declares this webhook configuration: change it there',
      },
      {
        expression: [
          `${cel.user} in ${celList(allowed(facts))}`,
          "request.operation == 'DELETE'",
          "request.resource.resource != 'mutatingwebhookconfigurations'",
          `object.?webhooks.orValue([]).all(w, ${outside} || ${otherGroups})`,
        ].join(' || '),
        message:
          'a mutating webhook could rewrite what Git declares: bring it in through Git, or select namespaces or API groups that Git does not use',
      },
    ],
  }
}

/** Of the object; an item of a deletecollection has only the old one. */
const NAME = "(object != null ? object.metadata.?name.orValue('') : oldObject.metadata.?name.orValue(''))"

/** Service accounts, the control plane and kubelets: not people. Nobody gets such a name but by impersonation. */
const MACHINE = celAny([
  cel.serviceAccount,
  `${cel.user}.startsWith('system:node:') && 'system:nodes' in ${cel.groups}`,
  `${cel.user} in ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', 'system:cloud-controller-manager']`,
])

function allowed({ policy, namespaces, installers = [] }: PolicyFacts): string[] {
  return [...exemptIdentities(policy, namespaces).users, ...installers]
}

function rule(group: string, resources: string[]): JsonObject {
  return {
    apiGroups: [group],
    apiVersions: ['*'],
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    resources,
    scope: '*',
  }
}

function pair({ policy }: PolicyFacts, parts: GuardingPolicy): JsonObject[] {
  const name = `${policy.guard.name}${parts.suffix}`
  const metadata = () => ({
    name,
    labels: { 'app.kubernetes.io/name': 'gitops-guard', 'app.kubernetes.io/managed-by': 'gitops-guard' },
  })
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: metadata(),
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          matchPolicy: 'Equivalent',
          namespaceSelector: parts.namespaceSelector ?? {},
          objectSelector: {},
          resourceRules: parts.resourceRules,
        },
        matchConditions: parts.matchConditions.map((condition) => ({ ...condition })),
        validations: parts.validations.map((validation) => ({ ...validation, reason: 'Forbidden' })),
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: metadata(),
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ]
}
