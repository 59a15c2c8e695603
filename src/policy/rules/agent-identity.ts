import type { Change } from '../../model/change.ts'
import type { Json, KubeObject } from '../../model/json.ts'
import type { Policy } from '../../model/policy.ts'
import { equalJson, fieldOf } from '../../object/json.ts'
import { escapeText } from '../../object/text.ts'
import { accountUser, isPerson, isSystem, serviceAccount } from '../actors.ts'
import { allAgents, isAgentUser } from '../agents.ts'
import { requestedSubject } from '../csr.ts'
import { isExemptUser } from '../exempt.ts'
import { isKind } from '../kinds.ts'
import { permitted } from '../permitted.ts'
import { exception, mayNot } from '../reason.ts'
import type { Rule, RuleVerdict } from '../rule.ts'
import { agentNamespaces } from './connect.ts'
import { getsOwner } from '../side-effects.ts'
import { serviceAccountsOf } from '../service-accounts-of.ts'
import { nodeGroup, nodePrefix } from '../system-controllers.ts'

/**
 * Whoever can act as an agent, as the guard or as a part of the control plane needs no way around: so nobody may make
 * such an identity for themselves. Denied are
 *
 * - tokens for their service accounts, by request or as a Secret;
 * - Pods, and objects from which Pods are made, that run as them, and changes of such;
 * - certificate requests in their name, and approving one (nodes ask for their own, and may);
 * - by people: roles to impersonate users or service accounts they are among, bindings that give an agent's or the
 *   guard's account more rights, and bindings that give somebody else the roles of the guard or, as far as Git declares
 *   those, of an agent.
 *
 * By people also denied: to delete an agent's service account, or the namespace that it is in, or to give it an owner, as that
 * ends the agent.
 *
 * System controllers make Pods for whatever account a permitted Deployment names; they are decided before.
 */
export const agentIdentity: Rule = (change, policy) => {
  if (change.operation === 'CONNECT' || isSystem(change.actor, policy)) return undefined
  const ended = ends(change, policy)
  if (ended !== undefined || change.operation === 'DELETE') return ended
  const { ref } = change
  if (ref.group === 'rbac.authorization.k8s.io') return rbac(change, policy)
  if (isKind(ref, 'certificates.k8s.io', 'CertificateSigningRequest')) return certificate(change, policy)
  if (isKind(ref, '', 'ServiceAccount') && change.subresource === 'token') {
    const user = accountUser(ref.namespace, ref.name)
    return isExemptUser(user, policy)
      ? deny(change, `a token would let its bearer act as ${user}`)
      : undefined
  }
  if (isKind(ref, '', 'Secret')) return tokenSecret(change, policy)
  return pods(change, policy)
}

function deny(change: Change, why: string): RuleVerdict {
  return {
    rule: 'agent-identity',
    decision: 'deny',
    everywhere: true,
    reason: `${mayNot(change)}: ${escapeText(why, 300)}, whom the guard lets pass without asking.`,
  }
}

function ends(change: Change, policy: Policy): RuleVerdict | undefined {
  const { ref, subresource, actor } = change
  const deleted = change.operation === 'DELETE' && subresource === ''
  if (!(deleted || getsOwner(change)) || !isPerson(actor, policy)) return undefined
  const account =
    isKind(ref, '', 'ServiceAccount') && isAgentUser(accountUser(ref.namespace, ref.name), policy)
  const home = isKind(ref, '', 'Namespace') && agentNamespaces(policy).has(ref.name)
  if (!account && !home) return undefined
  return {
    rule: 'agent-identity',
    decision: 'deny',
    everywhere: true,
    reason: `${mayNot(change)}: ${account ? 'an agent acts by it' : 'the account of an agent is in it'}. Take the agent out of the guard's configuration first.${exception(ref, policy)}`,
  }
}

function tokenSecret(change: Change, policy: Policy): RuleVerdict | undefined {
  const named = (secret: KubeObject | undefined) =>
    secret?.['type'] === 'kubernetes.io/service-account-token'
      ? fieldOf(fieldOf(secret.metadata, 'annotations'), 'kubernetes.io/service-account.name')
      : undefined
  const name = named(change.after)
  if (typeof name !== 'string' || named(change.before) === name) return undefined
  const user = accountUser(change.ref.namespace, name)
  return isExemptUser(user, policy)
    ? deny(change, `the token in it would let its bearer act as ${user}`)
    : undefined
}

function pods(change: Change, policy: Policy): RuleVerdict | undefined {
  if (change.after === undefined || change.ref.namespace === '' || change.subresource === 'status')
    return undefined
  for (const name of serviceAccountsOf(change.after)) {
    const user = accountUser(change.ref.namespace, name)
    if (!isExemptUser(user, policy)) continue
    if (runsTheSame(change.before, change.after)) return undefined
    if (permitted(change, policy, ['spec'])) return undefined
    return deny(change, `what it runs would act as ${user}`)
  }
  return undefined
}

/** Pods and their templates are in `spec`; a PodTemplate has none. */
function runsTheSame(before: KubeObject | undefined, after: KubeObject): boolean {
  if (before === undefined) return false
  return equalJson(before['spec'], after['spec']) && equalJson(before['template'], after['template'])
}

/** Signers whose certificates the API server takes as a user's. */
const clientSigners = new Set<Json | undefined>([
  'kubernetes.io/kube-apiserver-client',
  'kubernetes.io/kube-apiserver-client-kubelet',
  undefined,
])

function certificate(change: Change, policy: Policy): RuleVerdict | undefined {
  const { operation, subresource, after } = change
  if (after === undefined) return undefined
  const asked = operation === 'CREATE' && subresource === ''
  if (!asked && subresource !== 'approval') return undefined
  const spec = after['spec']
  const signer = fieldOf(spec, 'signerName')
  if (!clientSigners.has(signer)) return undefined
  const subject = requestedSubject(fieldOf(spec, 'request'))
  if (subject === undefined) return deny(change, 'its subject cannot be read, so it may name anybody')
  const name = subject.commonNames.find((each) => isExemptUser(each, policy))
  if (name === undefined) return undefined
  const requester = asked ? change.actor : { username: fieldOf(spec, 'username'), groups: groupsOf(spec) }
  const kubelet = signer === 'kubernetes.io/kube-apiserver-client-kubelet' && name.startsWith(nodePrefix)
  if (kubelet && mayAskForNode(requester, name)) return undefined
  return deny(change, `the certificate would let its bearer act as ${name}`)
}

/** A node that joins comes with a bootstrap token, one that renews as itself. */
function mayAskForNode(requester: { username: unknown; groups: readonly string[] }, node: string): boolean {
  const { username, groups } = requester
  return groups.includes('system:bootstrappers') || (username === node && groups.includes(nodeGroup))
}

function groupsOf(spec: Json | undefined): string[] {
  const groups = fieldOf(spec, 'groups')
  return Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : []
}

function rbac(change: Change, policy: Policy): RuleVerdict | undefined {
  if (!isPerson(change.actor, policy) || change.after === undefined) return undefined
  if (change.ref.kind === 'ClusterRole' || change.ref.kind === 'Role') return role(change, policy)
  return binding(change, policy)
}

function role(change: Change, policy: Policy): RuleVerdict | undefined {
  const before = listOf(change.before, 'rules')
  const rule = listOf(change.after, 'rules').find(
    (each) => impersonatesExempt(each, change, policy) && !before.some((other) => equalJson(other, each)),
  )
  return rule === undefined
    ? undefined
    : deny(change, 'it would let its holders impersonate agents, the guard or the control plane')
}

/**
 * Only an explicit `impersonate` counts: `*` on everything is cluster-admin by another name, which is RBAC's business.
 */
function impersonatesExempt(rule: Json, { ref }: Change, policy: Policy): boolean {
  // From Kubernetes 1.36 on, also `impersonate:user-info` and the like.
  if (!texts(rule, 'verbs').some((verb) => /^impersonate(:|$)/.test(verb))) return false
  const resources = texts(rule, 'resources')
  const names = texts(rule, 'resourceNames')
  const users = resources.includes('users') || resources.includes('*')
  const accounts = resources.includes('serviceaccounts') || resources.includes('*')
  if (!users && !accounts) return false
  if (names.length === 0)
    return users || ref.kind === 'ClusterRole' || accountsIn(ref.namespace, policy).length > 0
  const inside = ref.kind === 'Role' ? ref.namespace : undefined
  return names.some(
    (name) =>
      (users && isExemptUser(name, policy)) || (accounts && accountsIn(inside, policy).includes(name)),
  )
}

/** Names of service accounts that agents and the guard run as, in one namespace or anywhere. */
function accountsIn(namespace: string | undefined, policy: Policy): string[] {
  const users = [policy.guard.username, ...allAgents(policy).flatMap((agent) => agent.users)]
  return users
    .flatMap((user) => serviceAccount(user) ?? [])
    .filter((account) => namespace === undefined || account.namespace === namespace)
    .map(({ name }) => name)
}

function binding(change: Change, policy: Policy): RuleVerdict | undefined {
  const before = listOf(change.before, 'subjects')
  const added = listOf(change.after, 'subjects').filter(
    (each) => !before.some((other) => equalJson(other, each)),
  )
  for (const subject of added) {
    const user = userOf(subject, change)
    if (user !== undefined && (user === policy.guard.username || isAgentUser(user, policy))) {
      return deny(change, `it would give ${user} rights that no commit gives it`)
    }
  }
  const roleRef = fieldOf(change.after, 'roleRef')
  const key = `${String(fieldOf(roleRef, 'kind'))}/${String(fieldOf(roleRef, 'name'))}`
  if (added.length === 0 || !rolesOfExempt(policy).has(key)) return undefined
  return deny(change, `it would give others the role ${key.replace('/', ' ')} of an agent or the guard`)
}

function userOf(subject: Json, { ref }: Change): string | undefined {
  const name = fieldOf(subject, 'name')
  if (typeof name !== 'string') return undefined
  if (fieldOf(subject, 'kind') === 'User') return name
  if (fieldOf(subject, 'kind') !== 'ServiceAccount') return undefined
  return accountUser(String(fieldOf(subject, 'namespace') ?? ref.namespace), name)
}

/** Roles that everybody may be given: agents often have them, and whom else they go to is RBAC's business. */
const common = new Set(['cluster-admin', 'admin', 'edit', 'view'])

const exemptRoles = new WeakMap<Policy, ReadonlySet<string>>()

function rolesOfExempt(policy: Policy): ReadonlySet<string> {
  let roles = exemptRoles.get(policy)
  if (roles === undefined) exemptRoles.set(policy, (roles = new Set(findRoles(policy))))
  return roles
}

function* findRoles(policy: Policy): Iterable<string> {
  yield `ClusterRole/${policy.guard.name}`
  for (const kind of ['ClusterRoleBinding', 'RoleBinding']) {
    for (const { manifest } of policy.declaredOf('rbac.authorization.k8s.io', kind)) {
      const exempt = listOf(manifest.object, 'subjects').some((subject) => {
        const name = fieldOf(subject, 'name')
        const user = accountUser(
          String(fieldOf(subject, 'namespace') ?? manifest.ref.namespace),
          String(name),
        )
        return isAgentUser(user, policy) || user === policy.guard.username
      })
      const roleRef = fieldOf(manifest.object, 'roleRef')
      const name = fieldOf(roleRef, 'name')
      if (exempt && typeof name === 'string' && !common.has(name))
        yield `${String(fieldOf(roleRef, 'kind'))}/${name}`
    }
  }
}

function listOf(object: KubeObject | undefined, key: string): Json[] {
  const value = fieldOf(object, key)
  return Array.isArray(value) ? value : []
}

function texts(rule: Json, key: string): string[] {
  const value = fieldOf(rule, key)
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
