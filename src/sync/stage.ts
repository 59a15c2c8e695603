import type { ObjectRef } from '../model/identity.ts'

/** What others need to exist, what gives rights, what is only read, what runs, and what stands in the way of others. */
export type Stage = 0 | 1 | 2 | 3 | 4

const stages = new Map<string, Stage>([
  ['/Namespace', 0],
  ['apiextensions.k8s.io/CustomResourceDefinition', 0],
  ['scheduling.k8s.io/PriorityClass', 0],
  ['storage.k8s.io/StorageClass', 0],
  ['node.k8s.io/RuntimeClass', 0],
  ['networking.k8s.io/IngressClass', 0],
  ['gateway.networking.k8s.io/GatewayClass', 0],
  ['/ServiceAccount', 1],
  ['/LimitRange', 1],
  ['/ResourceQuota', 1],
  ['/ConfigMap', 2],
  ['/Secret', 2],
  ['/PersistentVolume', 2],
  ['/PersistentVolumeClaim', 2],
  ['apiregistration.k8s.io/APIService', 4],
])

/** When an object is applied, among those of its source: a stage begins when every object of those before was tried. */
export function stageOf({ group, kind }: ObjectRef): Stage {
  if (group === 'rbac.authorization.k8s.io') return 1
  // Webhooks and policies judge what comes after them: not what they came with.
  if (group === 'admissionregistration.k8s.io') return 4
  return stages.get(`${group}/${kind}`) ?? 3
}
