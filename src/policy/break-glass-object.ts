import type { Change } from '../model/change.ts'
import type { Json } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { guardingObjects } from './guard-objects.ts'

/**
 * The two exceptions that there are in the guard's own namespace, by name. While `uninstall` is open the guard keeps its
 * webhook and its policies no longer; while `upgrade` is, whoever opened it may change what the guard consists of.
 */
export const ownExceptions = { uninstall: 'uninstall', upgrade: 'upgrade' } as const

/** The longest that an exception may be open where the policy does not say, in milliseconds from when it is written. */
export const maxBreakGlass = 24 * 60 * 60 * 1000

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** What is wrong with an exception as somebody writes it; undefined where nothing is. */
export function breakGlassProblem(change: Change, policy: Policy): string | undefined {
  const spec = fieldOf(change.after, 'spec')
  if (change.ref.namespace === policy.guard.namespace) {
    const problem = ownProblem(change.ref.name, fieldOf(spec, 'objects'), policy)
    if (problem !== undefined) return problem
  }
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
  const longest = policy.maxBreakGlass ?? maxBreakGlass
  if (left > longest)
    return `spec.expiresAt may be at most ${hours(longest)} ahead: renew the exception if that is not enough.`
  return undefined
}

/** What is wrong with an exception in the guard's own namespace, by what it is called and what it names. */
export function ownProblem(
  name: string,
  objects: Json | undefined,
  policy: Pick<Policy, 'guard'>,
): string | undefined {
  const listed = Array.isArray(objects) ? objects : []
  if (name === ownExceptions.upgrade && listed.length === 0) return undefined
  if (name === ownExceptions.uninstall && namesGuarding(listed, policy)) return undefined
  return "in the guard's own namespace there are two exceptions: upgrade, which names no objects, and uninstall, which names exactly those that guard (gitops-guard uninstall makes it)."
}

function namesGuarding(listed: readonly Json[], policy: Pick<Policy, 'guard'>): boolean {
  const keys = new Set(guardingObjects(policy).map(({ group, kind, name }) => `${group}/${kind}/${name}`))
  const named = new Set(
    listed.map((each) => {
      const group = groupOf(String(fieldOf(each, 'apiVersion')))
      return `${group}/${String(fieldOf(each, 'kind'))}/${String(fieldOf(each, 'name'))}`
    }),
  )
  return named.size === keys.size && [...named].every((key) => keys.has(key))
}

function hours(ms: number): string {
  const count = ms / 3_600_000
  return count >= 1 ? `${Math.round(count * 10) / 10} hours` : `${Math.round(ms / 60_000)} minutes`
}
