import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import { fieldOf } from '../object/json.ts'

const SERVICE_ACCOUNTS = {
  group: '',
  version: 'v1',
  resource: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
}

/** The username that the API server knows the guard by. */
export async function whoAmI(api: ClusterApi): Promise<string> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const { object } = await api.review('/apis/authentication.k8s.io/v1/selfsubjectreviews', review)
  return String(fieldOf(fieldOf(object['status'], 'userInfo'), 'username') ?? '')
}

/**
 * Whether all controllers run as `system:kube-controller-manager`: with accounts of their own, the controller manager
 * makes them when it starts. Taken as no where it cannot be seen.
 */
export async function sharesControllerIdentity(api: ClusterApi): Promise<boolean> {
  try {
    await api.get(SERVICE_ACCOUNTS, { namespace: 'kube-system', name: 'deployment-controller' })
    return false
  } catch (error) {
    return error instanceof ApiError && error.status === 404
  }
}

const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', namespaced: false }

/** Whether the guard's namespace is going or gone, or its rights are: it is being removed. */
export async function isLeaving(api: ClusterApi, name: string): Promise<boolean> {
  try {
    const { object } = await api.get(NAMESPACES, { name })
    return object.metadata['deletionTimestamp'] !== undefined
  } catch (error) {
    return error instanceof ApiError && (error.status === 404 || error.status === 403 || error.status === 401)
  }
}
