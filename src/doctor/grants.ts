import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import { accountUser } from '../policy/actors.ts'
import type { Rbac } from './facts.ts'

/** One rule of a role. */
export interface RoleRule {
  verbs: readonly string[]
  groups: readonly string[]
  resources: readonly string[]
  /** Empty: all. */
  names: readonly string[]
}

/** What a binding gives to one subject. */
export interface Grant {
  rules: readonly RoleRule[]
  /** Undefined: in the whole cluster. */
  namespace: string | undefined
  /** `ClusterRoleBinding x`, for people. */
  binding: string
}

export interface Subject {
  kind: 'User' | 'Group'
  /** Of a service account its username. */
  name: string
}

/** What each subject holds: bindings with the rules of their roles, those that are aggregated too. */
export function grantsOf(rbac: Rbac): { subject: Subject; grants: readonly Grant[] }[] {
  const clusterRoles = new Map(rbac.clusterRoles.map((role) => [nameOf(role), role]))
  const roles = new Map(rbac.roles.map((role) => [`${namespaceOf(role)}/${nameOf(role)}`, role]))
  const held = new Map<string, { subject: Subject; grants: Grant[] }>()
  const give = (binding: KubeObject, namespace: string | undefined) => {
    const roleRef = fieldOf(binding, 'roleRef')
    const name = String(fieldOf(roleRef, 'name'))
    const rules =
      fieldOf(roleRef, 'kind') === 'Role'
        ? rulesOf(roles.get(`${namespace ?? ''}/${name}`))
        : clusterRules(clusterRoles.get(name), rbac.clusterRoles)
    if (rules.length === 0) return
    const label = `${namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding'} ${namespace === undefined ? '' : `${namespace}/`}${nameOf(binding)}`
    for (const subject of subjectsOf(binding, namespace ?? '')) {
      const key = `${subject.kind} ${subject.name}`
      const known = held.get(key) ?? { subject, grants: [] }
      known.grants.push({ rules, namespace, binding: label })
      held.set(key, known)
    }
  }
  for (const binding of rbac.clusterRoleBindings) give(binding, undefined)
  for (const binding of rbac.roleBindings) give(binding, namespaceOf(binding))
  return [...held.values()]
}

/** Whether a rule lets its holder do one of these verbs to one of these resources (with subresource, if any). */
export function allows(
  rule: RoleRule,
  { verbs, group, resources }: { verbs: readonly string[]; group: string; resources: readonly string[] },
): boolean {
  return (
    has(rule.verbs, verbs) &&
    has(rule.groups, [group]) &&
    resources.some((resource) => rule.resources.some((pattern) => covers(pattern, resource)))
  )
}

/** RBAC has two wildcards: all resources, and one subresource of all. */
function covers(pattern: string, resource: string): boolean {
  if (pattern === '*' || pattern === resource) return true
  const slash = resource.indexOf('/')
  return slash >= 0 && pattern === `*${resource.slice(slash)}`
}

function has(list: readonly string[], wanted: readonly string[]): boolean {
  return list.includes('*') || wanted.some((one) => list.includes(one))
}

/** Everything, everywhere it is bound. */
export function isEverything({ verbs, groups, resources, names }: RoleRule): boolean {
  return [verbs, groups, resources].every((list) => list.includes('*')) && names.length === 0
}

function clusterRules(role: KubeObject | undefined, all: readonly KubeObject[]): RoleRule[] {
  const own = rulesOf(role)
  const selectors = fieldOf(fieldOf(role, 'aggregationRule'), 'clusterRoleSelectors')
  if (!Array.isArray(selectors)) return own
  // The controller that fills them in may be behind.
  const parts = all.filter((other) => selectors.some((selector) => selectsLabels(selector, other)))
  return [...own, ...parts.flatMap(rulesOf)]
}

function selectsLabels(selector: Json, object: KubeObject): boolean {
  const wanted = fieldOf(selector, 'matchLabels')
  // Expressions are rare here: what the controller has filled in counts then.
  if (typeof wanted !== 'object' || wanted === null || fieldOf(selector, 'matchExpressions') !== undefined)
    return false
  return Object.entries(wanted).every(([key, value]) => fieldOf(object.metadata['labels'], key) === value)
}

function rulesOf(role: KubeObject | undefined): RoleRule[] {
  const rules = fieldOf(role, 'rules')
  if (!Array.isArray(rules)) return []
  return rules.map((rule) => ({
    verbs: texts(rule, 'verbs'),
    groups: texts(rule, 'apiGroups'),
    resources: texts(rule, 'resources'),
    names: texts(rule, 'resourceNames'),
  }))
}

function subjectsOf(binding: KubeObject, namespace: string): Subject[] {
  const subjects = fieldOf(binding, 'subjects')
  if (!Array.isArray(subjects)) return []
  return subjects.flatMap((subject): Subject[] => {
    const [kind, name] = [fieldOf(subject, 'kind'), String(fieldOf(subject, 'name'))]
    if (kind === 'Group' || kind === 'User') return [{ kind, name }]
    if (kind !== 'ServiceAccount') return []
    return [{ kind: 'User', name: accountUser(String(fieldOf(subject, 'namespace') ?? namespace), name) }]
  })
}

const nameOf = ({ metadata }: KubeObject) => String(metadata['name'])
const namespaceOf = ({ metadata }: KubeObject) => String(metadata['namespace'] ?? '')

function texts(rule: Json, key: string): string[] {
  const value = fieldOf(rule, key)
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
