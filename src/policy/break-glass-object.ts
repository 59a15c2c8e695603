import type { Change } from '../model/change.ts'
import type { Policy } from '../model/policy.ts'
import { fieldOf } from '../object/json.ts'

/** The longest that an exception may be open, in milliseconds, counted from when it is written: renew it for longer. */
export const maxBreakGlass = 24 * 60 * 60 * 1000

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** What is wrong with an exception as somebody writes it; undefined where nothing is. */
export function breakGlassProblem(change: Change, policy: Policy): string | undefined {
  if (change.ref.namespace === policy.guard.namespace)
    return "there are no exceptions for the guard's own namespace."
  const spec = fieldOf(change.after, 'spec')
  const reason = fieldOf(spec, 'reason')
  if (typeof reason !== 'string' || reason.trim() === '') {
    return 'spec.reason must say why: current value is empty (kubectl guard break-glass --reason "INC-42").'
  }
  const expiresAt = fieldOf(spec, 'expiresAt')
  if (typeof expiresAt !== 'string' || !rfc3339.test(expiresAt) || Number.isNaN(Date.parse(expiresAt))) {
    return 'spec.expiresAt must be a time such as 2030-01-02T15:04:05Z.'
  }
  const before = fieldOf(fieldOf(change.before, 'spec'), 'expiresAt')
  // One that has ended may be relabelled or annotated; only what keeps it open is bounded.
  if (before === expiresAt) return undefined
  const left = Date.parse(expiresAt) - change.time
  if (left <= 0 && change.operation === 'CREATE') return 'spec.expiresAt must lie ahead.'
  if (left > maxBreakGlass)
    return 'spec.expiresAt may be at most 24 hours ahead: renew the exception if that is not enough.'
  return undefined
}
