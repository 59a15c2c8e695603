import type { JsonObject } from '../model/json.ts'

/** A declared kind, as rights need it. */
export interface GuardedResource {
  group: string
  /** Plural, as in a request. */
  resource: string
  /** True where a source that declares it lets the guard delete and create again what cannot be changed. */
  recreate: boolean
}

export interface Guarded {
  resources: readonly GuardedResource[]
  /** The strictest of the sources: anything but `allow` needs to see what Git does not hold, `deny` to delete it. */
  undeclared: 'allow' | 'warn' | 'deny'
}

const RBAC = 'rbac.authorization.k8s.io'
const READ = ['get', 'list', 'watch']
/** Create and update are for dry-runs too: they tell what the API server would store. */
const KEEP = [...READ, 'create', 'update', 'patch']

/**
 * The rules of the role over what Git declares, no wider than the declared kinds need: one rule for each group, `delete`
 * only where something is ever deleted, `escalate` and `bind` only where Git holds roles and bindings.
 */
export function guardedKindsRules({ resources, undeclared }: Guarded): JsonObject[] {
  const groups = new Map<string, GuardedResource[]>()
  for (const one of resources) groups.set(one.group, [...(groups.get(one.group) ?? []), one])
  const rules = [...groups.keys()].toSorted().flatMap((group) => {
    const ofGroup = groups.get(group) ?? []
    const kept = names(ofGroup.filter(({ recreate }) => !recreate))
    const recreated = names(ofGroup.filter(({ recreate }) => recreate))
    return [
      ...(kept.length > 0
        ? [
            rule(
              group,
              kept.filter((name) => !recreated.includes(name)),
              KEEP,
            ),
          ]
        : []),
      ...(recreated.length > 0 ? [rule(group, recreated, [...KEEP, 'delete'])] : []),
    ].filter((made) => (made.resources as string[]).length > 0)
  })
  const seen =
    undeclared === 'allow' ? [] : [rule('*', ['*'], undeclared === 'deny' ? [...READ, 'delete'] : READ)]
  return [...rules, ...privileges(groups.get(RBAC) ?? []), ...seen]
}

/** Nobody writes a role or a binding with rights that he does not have himself, without these verbs. */
function privileges(rbac: readonly GuardedResource[]): JsonObject[] {
  const declared = names(rbac)
  const roles = declared.filter((name) => name === 'roles' || name === 'clusterroles')
  const bindings = declared.filter((name) => name.endsWith('rolebindings'))
  // A ClusterRoleBinding refers to a ClusterRole only, a RoleBinding to either.
  const bound = bindings.includes('rolebindings') ? ['clusterroles', 'roles'] : ['clusterroles']
  return [
    ...(roles.length > 0 ? [rule(RBAC, roles, ['escalate'])] : []),
    ...(bindings.length > 0 ? [rule(RBAC, bound, ['bind'])] : []),
  ]
}

function rule(group: string, resources: string[], verbs: string[]): JsonObject {
  return { apiGroups: [group], resources, verbs }
}

function names(resources: readonly GuardedResource[]): string[] {
  return [...new Set(resources.map(({ resource }) => resource))].toSorted()
}
