import type { Target } from '../objects.ts'

const clusterScoped = new Set([
  'Namespace',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'PriorityClass',
  'ValidatingWebhookConfiguration',
  'StorageClass',
])

/** Where the API server has a kind, for the raw requests of tests. */
export function collectionOf({ apiVersion, kind, namespace }: Target): string {
  const plural = kind.toLowerCase().replace(/y$/, 'ie').replace(/s$/, 'se') + 's'
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return clusterScoped.has(kind) ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`
}

export function pathOf(target: Target): string {
  return `${collectionOf(target)}/${target.name}`
}
