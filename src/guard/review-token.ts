import type { ClusterApi } from '../cluster/api.ts'
import type { Json } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'

/**
 * Who bears a token, as the API server says, and whether he may get `violations.gitops-guard.dev`: a resource that exists in RBAC
 * only. Undefined for a token of nobody.
 *
 * @throws ApiError
 */
export async function reviewToken(
  api: ClusterApi,
  token: string,
): Promise<{ name: string; allowed: boolean } | undefined> {
  const review = await api.review('/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token },
  })
  const status = review.object['status']
  if (fieldOf(status, 'authenticated') !== true) return undefined
  const user = fieldOf(status, 'user')
  const access = await api.review('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: fieldOf(user, 'username') ?? '',
      uid: fieldOf(user, 'uid') ?? '',
      groups: fieldOf(user, 'groups') ?? [],
      extra: fieldOf(user, 'extra') ?? ({} as Json),
      resourceAttributes: {
        group: 'gitops-guard.dev',
        version: 'v1alpha1',
        resource: 'violations',
        verb: 'get',
      },
    },
  })
  return {
    name: String(fieldOf(user, 'username') ?? ''),
    allowed: fieldOf(access.object['status'], 'allowed') === true,
  }
}
