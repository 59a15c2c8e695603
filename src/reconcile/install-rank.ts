import type { ObjectRef } from '../model/identity.ts'

/** What other objects need to exist comes first when several are missing. */
const first: readonly string[] = [
  '/Namespace',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/StorageClass',
  '/ServiceAccount',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/RoleBinding',
  '/Secret',
  '/ConfigMap',
  '/PersistentVolumeClaim',
  '/Service',
]

/** Where a kind stands in the order of creation: the lower, the earlier. */
export function installRank({ group, kind }: ObjectRef): number {
  const rank = first.indexOf(`${group}/${kind}`)
  return rank < 0 ? first.length : rank
}
