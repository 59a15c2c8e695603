import { isExemptUser } from '../policy/exempt.ts'
import type { Severity } from './finding.ts'
import { allows, type Grant, type RoleRule } from './grants.ts'
import type { Targets } from './targets.ts'

/** Something that a subject may do by RBAC that leads around the guard. */
export interface Power {
  name: string
  severity: Exclude<Severity, 'info'>
  /** Why it matters, after "it". */
  why: string
  remedy: string
  /** What exactly a grant gives of it: short texts; none where it gives nothing. */
  held(grant: Grant, targets: Targets): string[]
}

const RBAC = 'rbac.authorization.k8s.io'
const CERTIFICATES = 'certificates.k8s.io'
const ADMISSION = 'admissionregistration.k8s.io'
const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection']
const EDITS = ['update', 'patch', 'delete', 'deletecollection']
const powerfulGroups = ['system:masters', 'system:nodes']

/** What is said of the namespaces that a grant reaches among `namespaces`; undefined where it reaches none. */
function reach({ namespace }: Grant, namespaces: ReadonlySet<string>): string | undefined {
  if (namespace === undefined) return 'in every namespace'
  return namespaces.has(namespace) ? `in ${namespace}` : undefined
}

/** A power over resources in some namespaces, whatever the names. */
function inNamespaces(
  of: (targets: Targets) => ReadonlySet<string>,
  what: string,
  wanted: readonly { verbs: readonly string[]; group: string; resources: readonly string[] }[],
): Power['held'] {
  return (grant, targets) => {
    const where = reach(grant, of(targets))
    if (where === undefined) return []
    return grant.rules.some((rule) => wanted.some((each) => allows(rule, each))) ? [`${what} ${where}`] : []
  }
}

const own = ({ own: namespaces }: Targets) => namespaces
const everyAccounts = ({ namespaces }: Targets) => namespaces

export const powers: readonly Power[] = [
  {
    name: 'impersonate',
    severity: 'critical',
    why: 'can act as an identity that the guard lets pass, and its reviews show that identity only',
    remedy:
      'limit impersonate to named users and groups by resourceNames, none of them an agent, the guard or system:*',
    held: (grant, targets) => grant.rules.flatMap((rule) => impersonates(rule, grant, targets)),
  },
  {
    name: 'mint tokens',
    severity: 'warning',
    why: 'can get a token of an account that the guard lets pass (the webhook refuses it while it is in force)',
    remedy:
      'take create on serviceaccounts/token and on Secrets away in these namespaces, or name other accounts by resourceNames',
    held: mintsTokens,
  },
  {
    name: 'read tokens',
    severity: 'critical',
    why: 'can read a credential of an account that the guard lets pass, and no webhook sees a read',
    remedy:
      'delete long-lived token Secrets, and take get, list and watch on Secrets away in these namespaces',
    held: readsSecrets,
  },
  {
    name: 'bind or escalate roles',
    severity: 'critical',
    why: 'can give anybody every right, impersonate among them',
    remedy: 'take the verbs bind and escalate away: making bindings of rights that one has needs neither',
    held: (grant, targets) => {
      const where = reach(grant, targets.namespaces)
      if (where === undefined) return []
      return ['bind', 'escalate'].flatMap((verb) => {
        const resources = ['roles', 'clusterroles']
        const rule = grant.rules.find((each) => allows(each, { verbs: [verb], group: RBAC, resources }))
        return rule === undefined || onlyHarmless(rule) ? [] : [`${verb} roles ${where}`]
      })
    },
  },
  {
    name: 'certificates',
    severity: 'critical',
    why: 'can make a client certificate for any name, system:masters too',
    remedy: 'limit approve and sign on signers by resourceNames to signers of your own',
    held: (grant) =>
      grant.namespace !== undefined
        ? []
        : [
            ...(signs(grant.rules, 'approve', 'approval') ? ['approve client certificates'] : []),
            ...(signs(grant.rules, 'sign', 'status') ? ['sign client certificates'] : []),
          ],
  },
  {
    name: 'run Pods as',
    severity: 'warning',
    why: 'can run a Pod as an account that the guard lets pass (the webhook refuses it while it is in force)',
    remedy: 'keep people and other controllers out of the namespaces of agents and of the guard',
    held: inNamespaces(everyAccounts, 'create Pods or workloads', [
      { verbs: ['create', 'update', 'patch'], group: '', resources: ['pods', 'replicationcontrollers'] },
      {
        verbs: ['create', 'update', 'patch'],
        group: 'apps',
        resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'],
      },
      { verbs: ['create', 'update', 'patch'], group: 'batch', resources: ['jobs', 'cronjobs'] },
    ]),
  },
  {
    name: 'exec',
    severity: 'warning',
    why: 'can read the token of a Pod from inside it (through nodes/proxy unseen by any webhook)',
    remedy: 'take create on pods/exec and pods/attach, pods/ephemeralcontainers and nodes/proxy away',
    held: (grant, targets) => [
      ...inNamespaces(own, 'run commands in Pods', [
        { verbs: ['create', 'get'], group: '', resources: ['pods/exec', 'pods/attach'] },
        { verbs: ['update', 'patch'], group: '', resources: ['pods/ephemeralcontainers'] },
      ])(grant, targets),
      ...(grant.namespace === undefined &&
      grant.rules.some((rule) =>
        allows(rule, { verbs: ['create', 'get'], group: '', resources: ['nodes/proxy'] }),
      )
        ? ['reach every Pod through nodes/proxy']
        : []),
    ],
  },
  {
    name: 'admission policies',
    severity: 'critical',
    why: "can take away the policies that guard the guard's webhook: no admission sees that, only the watcher, within a second",
    remedy:
      'take write access to admission policies and bindings away, or use install --static-manifests where the API server is yours',
    held: inCluster('change admission policies', ADMISSION, [
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
      'mutatingadmissionpolicies',
      'mutatingadmissionpolicybindings',
    ]),
  },
  {
    name: 'webhooks',
    severity: 'warning',
    why: "can change webhook configurations, the guard's among them where its policies are gone, or add one that rewrites what agents apply",
    remedy: "limit update and patch to the operator's own configurations by resourceNames",
    held: inCluster('change webhook configurations', ADMISSION, [
      'validatingwebhookconfigurations',
      'mutatingwebhookconfigurations',
    ]),
  },
  {
    name: 'definitions',
    severity: 'warning',
    why: 'can remove or redefine kinds that Git declares: their objects go with no review of their own',
    remedy:
      'take update, patch and delete on CustomResourceDefinitions and APIServices away, or limit them by resourceNames',
    held: (grant, { customGroups: custom }) => {
      if (grant.namespace !== undefined || custom.size === 0) return []
      const found = grant.rules.some((rule) =>
        allows(rule, {
          verbs: EDITS,
          group: 'apiextensions.k8s.io',
          resources: ['customresourcedefinitions'],
        }) || allows(rule, { verbs: EDITS, group: 'apiregistration.k8s.io', resources: ['apiservices'] })
          ? rule.names.length === 0 ||
            rule.names.some((name) => custom.has(name.slice(name.indexOf('.') + 1)))
          : false,
      )
      return found ? ['change definitions of declared kinds'] : []
    },
  },
  {
    name: 'taints',
    severity: 'warning',
    why: 'can taint nodes NoExecute, so that the control plane deletes Pods in its place',
    remedy: 'take update and patch on nodes away from those that do not run nodes',
    held: (grant) =>
      grant.namespace === undefined &&
      grant.rules.some((rule) =>
        allows(rule, { verbs: ['update', 'patch'], group: '', resources: ['nodes'] }),
      )
        ? ['change nodes and their taints']
        : [],
  },
  {
    name: "the guard's objects",
    severity: 'warning',
    why: "can change the guard's configuration where its webhook and policies are gone",
    remedy: "keep people out of the guard's namespace: change it where the guard was installed from",
    held: inNamespaces(({ guard }) => new Set([guard]), 'change ConfigMaps', [
      { verbs: EDITS, group: '', resources: ['configmaps'] },
    ]),
  },
]

function impersonates(rule: RoleRule, { namespace }: Grant, targets: Targets): string[] {
  const verb = rule.verbs.some(
    (each) => each === '*' || each === 'impersonate' || each.startsWith('impersonate:'),
  )
  const group = rule.groups.some((each) => ['*', '', 'authentication.k8s.io'].includes(each))
  if (!verb || !group) return []
  const of = (resource: string) => rule.resources.some((each) => each === '*' || each === resource)
  const found: string[] = []
  if (namespace === undefined && of('users'))
    found.push(
      ...(rule.names.length === 0
        ? ['impersonate any user']
        : rule.names
            .filter((name) => isExemptUser(name, targets.policy))
            .map((name) => `impersonate ${name}`)),
    )
  if (namespace === undefined && of('groups'))
    found.push(
      ...(rule.names.length === 0
        ? ['impersonate any group']
        : rule.names
            .filter((name) => powerfulGroups.includes(name))
            .map((name) => `impersonate group ${name}`)),
    )
  if (of('serviceaccounts')) {
    const where = namespace === undefined ? [...targets.namespaces] : [namespace]
    if (rule.names.length === 0) {
      if (namespace === undefined) found.push('impersonate any service account')
      else if (targets.namespaces.has(namespace)) found.push(`impersonate service accounts in ${namespace}`)
    } else {
      for (const name of rule.names) {
        const inside = where.filter((each) => targets.isAccount(each, name))
        found.push(...inside.map((each) => `impersonate service account ${each}/${name}`))
      }
    }
  }
  return found
}

function mintsTokens(grant: Grant, targets: Targets): string[] {
  const where = reach(grant, targets.namespaces)
  if (where === undefined) return []
  const found = grant.rules.flatMap((rule) => {
    const tokens = allows(rule, { verbs: ['create'], group: '', resources: ['serviceaccounts/token'] })
    const secrets = allows(rule, { verbs: ['create'], group: '', resources: ['secrets'] })
    if (!tokens) return secrets ? [`make token Secrets ${where}`] : []
    if (rule.names.length === 0) return [`request tokens ${where}`]
    const reachable = grant.namespace === undefined ? [...targets.namespaces] : [grant.namespace]
    return rule.names.flatMap((name) =>
      reachable
        .filter((each) => targets.isAccount(each, name))
        .map((each) => `request tokens of ${each}/${name}`),
    )
  })
  return [...new Set(found)]
}

/** The guard's own Secrets hold its key; token Secrets of the others are looked for. */
function readsSecrets(grant: Grant, targets: Targets): string[] {
  const { namespace } = grant
  const rules = grant.rules.filter((rule) =>
    allows(rule, { verbs: ['get', 'list', 'watch'], group: '', resources: ['secrets'] }),
  )
  if (rules.length === 0) return []
  const found = targets.tokenSecrets
    .filter((secret) => namespace === undefined || secret.namespace === namespace)
    .filter(({ name }) => rules.some(({ names }) => names.length === 0 || names.includes(name)))
    .map((secret) => `read the token of ${secret.namespace}/${secret.account}`)
  const all = rules.some(({ names }) => names.length === 0)
  if (all && (namespace === undefined || namespace === targets.guard))
    found.push(`read the guard's keys ${namespace === undefined ? 'and every Secret' : `in ${namespace}`}`)
  return [...new Set(found)]
}

/** Roles that give no more than to look. */
function onlyHarmless({ names }: RoleRule): boolean {
  return names.length > 0 && names.every((name) => name === 'view' || name === 'system:discovery')
}

function signs(rules: readonly RoleRule[], verb: string, subresource: string): boolean {
  const writes = rules.some((rule) =>
    allows(rule, {
      verbs: ['update', 'patch'],
      group: CERTIFICATES,
      resources: [`certificatesigningrequests/${subresource}`],
    }),
  )
  const clients = ['kubernetes.io/kube-apiserver-client', 'kubernetes.io/*', '*']
  return (
    writes &&
    rules.some(
      (rule) =>
        allows(rule, { verbs: [verb], group: CERTIFICATES, resources: ['signers'] }) &&
        (rule.names.length === 0 || rule.names.some((name) => clients.includes(name))),
    )
  )
}

/** Cluster-scoped objects. A rule that names some counts where one of them is the guard's. */
function inCluster(what: string, group: string, resources: readonly string[]): Power['held'] {
  return (grant, { policy }) => {
    if (grant.namespace !== undefined) return []
    const reaches = grant.rules.some(
      (rule) =>
        allows(rule, { verbs: WRITES, group, resources }) &&
        (rule.names.length === 0 || rule.names.some((name) => name.startsWith(policy.guard.name))),
    )
    return reaches ? [what] : []
  }
}
