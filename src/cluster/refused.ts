/** What it means that a dry-run was refused. */
import type { ApiError } from './api-error.ts'
import { fieldOf } from '../object/json.ts'

/**
 * `transient`: ask again. `pending`: its namespace or kind is not there. `no-right`: the guard may not ask. `no-dry-run`: something on the way
 * does not support it. `admission`: a policy or webhook, which may let others do it. `immutable`: fields that cannot be changed.
 * `invalid`: the manifest, or its name or what it reserves.
 */
export type Refused =
  'transient' | 'pending' | 'no-right' | 'no-dry-run' | 'admission' | 'immutable' | 'invalid'

export function readRefused(error: ApiError): Refused {
  const { status, serverMessage } = error
  if (status === 401 || status === 409 || error.transient)
    return isNoDryRun(error) ? 'no-dry-run' : 'transient'
  if (status === 404 || isTerminating(error)) return 'pending'
  if (isNoDryRun(error)) return 'no-dry-run'
  if (status === 403 && / cannot (create|update|get|patch|escalate|bind) resource /.test(serverMessage))
    return 'no-right'
  // RBAC's own check (escalate, bind), certificates' signers (approve, sign, attest).
  if (status === 403 && /not currently held|user not permitted/.test(serverMessage)) return 'no-right'
  if (
    /immutable|may not (be )?change|cannot (be )?change|updates to .* forbidden|must not be changed/i.test(
      serverMessage,
    )
  )
    return 'immutable'
  if (status === 403 || /denied the request|ValidatingAdmissionPolicy/.test(serverMessage)) return 'admission'
  return 'invalid'
}

/** A webhook with side effects is not called for a dry-run: the request fails (400, or 500 from old servers). */
function isNoDryRun({ serverMessage }: ApiError): boolean {
  return /does not support dry run/i.test(serverMessage)
}

function isTerminating({ status, details, serverMessage }: ApiError): boolean {
  if (status !== 403) return false
  const causes = fieldOf(details, 'causes')
  return (
    (Array.isArray(causes) && causes.some((cause) => fieldOf(cause, 'reason') === 'NamespaceTerminating')) ||
    /because it is being terminated/.test(serverMessage)
  )
}
