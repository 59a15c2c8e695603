import type { ObjectRef } from '../model/identity.ts'
import type { Policy } from '../model/policy.ts'

/** The API group of the guard's own resources. */
export const guardGroup = 'gitops-guard.dev'

const named = new Set([
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/RoleBinding',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  'flowcontrol.apiserver.k8s.io/FlowSchema',
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration',
  'scheduling.k8s.io/PriorityClass',
])

/**
 * The objects that the guard consists of: all in its namespace and the namespace itself, the definitions of its
 * resources, and the cluster-scoped objects that carry its name, alone or with a suffix after a `-` or `:`.
 */
export function isGuardObject(ref: ObjectRef, { guard }: Policy): boolean {
  if (ref.namespace !== '' && ref.namespace === guard.namespace) return true
  if (ref.group === '' && ref.kind === 'Namespace') return ref.name === guard.namespace
  if (ref.group === 'apiextensions.k8s.io') return ref.name.endsWith(`.${guardGroup}`)
  if (ref.group === 'apiregistration.k8s.io') return ref.name.endsWith(`.${guardGroup}`)
  if (!named.has(`${ref.group}/${ref.kind}`)) return false
  const { name } = guard
  return ref.name === name || ref.name.startsWith(`${name}-`) || ref.name.startsWith(`${name}:`)
}

/** After the guard's name: its ValidatingAdmissionPolicies and their bindings. */
export const guardingPolicySuffixes = ['', '-namespace', '-webhooks'] as const

/** What refuses people, apart from the guard itself: what it puts back, and what goes first when it is uninstalled. */
export function guardingObjects({
  guard,
}: Pick<Policy, 'guard'>): { group: string; kind: string; name: string }[] {
  const group = 'admissionregistration.k8s.io'
  const policies = guardingPolicySuffixes.flatMap((suffix) => [
    { group, kind: 'ValidatingAdmissionPolicy', name: `${guard.name}${suffix}` },
    { group, kind: 'ValidatingAdmissionPolicyBinding', name: `${guard.name}${suffix}` },
  ])
  return [...policies, { group, kind: 'ValidatingWebhookConfiguration', name: guard.name }]
}

/** A written exception: a resource of the guard that people make. */
export function isBreakGlass(ref: ObjectRef): boolean {
  return ref.group === guardGroup && ref.kind === 'BreakGlass'
}
