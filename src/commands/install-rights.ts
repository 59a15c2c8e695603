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
  /**
   * Every kind that may hold what Git does not, for sources with `undeclared: warn` or `deny`: to see it, and to delete it
   * where it is denied. Named one by one: the rule `*` would hold subresources too, and reading `pods/exec` is running a shell.
   */
  undeclared?: { resources: readonly { group: string; resource: string }[]; remove: boolean }
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
  const groups = byGroup(resources)
  const declared = inOrder(groups).flatMap(([group, all]) => {
    const recreated = names(all.filter(({ recreate }) => recreate))
    const kept = names(all).filter((name) => !recreated.includes(name))
    return [...rule(group, kept, KEEP), ...rule(group, recreated, [...KEEP, 'delete'])]
  })
  const verbs = undeclared?.remove ? [...READ, 'delete'] : READ
  const others = inOrder(byGroup(undeclared?.resources ?? []))
  return [
    ...declared,
    ...privileges(names(groups.get(RBAC) ?? [])),
    ...others.flatMap(([group, all]) => rule(group, names(all), verbs)),
  ]
}

/** Nobody writes a role or a binding with rights that he does not have himself, without these verbs. */
function privileges(declared: string[]): JsonObject[] {
  const roles = declared.filter((name) => name === 'roles' || name === 'clusterroles')
  // A ClusterRoleBinding refers to a ClusterRole only, a RoleBinding to either.
  const bound = declared.includes('rolebindings')
    ? ['clusterroles', 'roles']
    : declared.filter((name) => name === 'clusterrolebindings').map(() => 'clusterroles')
  return [...rule(RBAC, roles, ['escalate']), ...rule(RBAC, bound, ['bind'])]
}

/** None for no resources. */
function rule(group: string, resources: string[], verbs: string[]): JsonObject[] {
  return resources.length === 0 ? [] : [{ apiGroups: [group], resources, verbs }]
}

function inOrder<T>(groups: Map<string, T>): [string, T][] {
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function byGroup<T extends { group: string }>(resources: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const one of resources) groups.set(one.group, [...(groups.get(one.group) ?? []), one])
  return groups
}

function names(resources: readonly { resource: string }[]): string[] {
  return [...new Set(resources.map(({ resource }) => resource))].toSorted()
}
