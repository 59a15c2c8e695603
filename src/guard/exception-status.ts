import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import type { Json } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import type { Exception } from './exceptions.ts'

export const BREAK_GLASS = {
  group: 'gitops-guard.dev',
  version: 'v1alpha1',
  resource: 'breakglasses',
  kind: 'BreakGlass',
  namespaced: true,
}

/**
 * Writes the condition `Active` of an exception: for people, for `gitops-guard uninstall`, and for the guard itself, which
 * reads from it after a restart who opened it. Who that was only the replica knows that judged it: the others write nothing.
 *
 * @throws ApiError
 */
export async function noteActive(api: ClusterApi, exception: Exception, active: boolean): Promise<void> {
  const { name, namespace, openedBy, object } = exception
  if (openedBy === '') return
  const wanted = {
    type: 'Active',
    status: active ? 'True' : 'False',
    reason: active ? 'Open' : 'Ended',
    message: `opened by ${openedBy}`,
  }
  const before = activeCondition(object['status'])
  if (fieldOf(before, 'status') === wanted.status && fieldOf(before, 'message') === wanted.message) return
  const condition = {
    ...wanted,
    lastTransitionTime: `${new Date().toISOString().slice(0, 19)}Z`,
    observedGeneration: object.metadata['generation'] ?? 0,
  }
  try {
    await api.patch(
      BREAK_GLASS,
      { namespace, name, subresource: 'status' },
      { status: { conditions: [condition] } },
      { type: 'application/merge-patch+json' },
    )
  } catch (error) {
    // It was deleted.
    if (!(error instanceof ApiError) || error.status !== 404) throw error
  }
}

/** The condition `Active` of a status. */
export function activeCondition(status: Json | undefined): Json | undefined {
  const conditions = fieldOf(status, 'conditions')
  return Array.isArray(conditions) ? conditions.find((item) => fieldOf(item, 'type') === 'Active') : undefined
}
