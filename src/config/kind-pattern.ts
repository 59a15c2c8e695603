import { escapeText } from '../object/text.ts'

/** Kinds that people often name without their group. */
const GROUPS: { readonly [kind: string]: string } = {
  Deployment: 'apps',
  StatefulSet: 'apps',
  DaemonSet: 'apps',
  ReplicaSet: 'apps',
  Job: 'batch',
  CronJob: 'batch',
  Ingress: 'networking.k8s.io',
  NetworkPolicy: 'networking.k8s.io',
  HorizontalPodAutoscaler: 'autoscaling',
  PodDisruptionBudget: 'policy',
  Role: 'rbac.authorization.k8s.io',
  RoleBinding: 'rbac.authorization.k8s.io',
  ClusterRole: 'rbac.authorization.k8s.io',
  ClusterRoleBinding: 'rbac.authorization.k8s.io',
  StorageClass: 'storage.k8s.io',
  CustomResourceDefinition: 'apiextensions.k8s.io',
}

/** Why a text is no pattern for kinds, with what would be right; undefined where it is one. */
export function checkKind(kind: string): string | undefined {
  const current = `current value is ${escapeText(JSON.stringify(kind), 100)}`
  const parts = kind.split('/')
  if (parts.length > 2)
    return `must be group/Kind without a version, such as ${parts[0]}/${parts.at(-1)}: ${current}`
  const [first = '', second] = parts
  if (second === undefined) {
    const group = Object.hasOwn(GROUPS, first) ? GROUPS[first] : undefined
    if (group !== undefined)
      return `must name the group: ${group}/${first}. ${current[0]!.toUpperCase()}${current.slice(1)}`
    if (first === '*' || /^[A-Z*][A-Za-z0-9*]*$/.test(first)) return undefined
    return `must be group/Kind, Kind for the core group, group/* or *: ${current}`
  }
  if (/^v\d+((alpha|beta)\d+)?$/.test(first))
    return `must be the Kind alone for the core group, such as ${second}: ${current}`
  if (/^[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?$/.test(first) && /^[A-Z*][A-Za-z0-9*]*$/.test(second))
    return undefined
  return `must be group/Kind such as apps/Deployment: ${current}`
}
