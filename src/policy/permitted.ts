import type { Change } from '../model/change.ts'
import type { Path } from '../model/path.ts'
import type { FieldChange } from '../model/path.ts'
import type { Policy } from '../model/policy.ts'
import { uncovered } from '../object/coverage.ts'
import { isFor } from './named-by.ts'

/**
 * Whether an allowance of the configuration lets the actor write at a path of an object that Git does not declare. To
 * delete or create it, an allowance must reach all of `/spec`, or `/data`, as the kind has it.
 */
export function permitted(change: Change, policy: Policy, path: Path): boolean {
  const allowances = policy.allowances.filter((allowance) => isFor(allowance, change.ref, policy))
  if (allowances.length === 0) return false
  const object = change.after ?? change.before
  const each: FieldChange = { path, op: 'replace', before: null, after: null }
  return (
    object !== undefined &&
    uncovered(each, change.actor, allowances, { ...object, metadata: {} }).length === 0
  )
}

/** Whether every one of these changes is covered. */
export function allPermitted(change: Change, policy: Policy, changes: readonly FieldChange[]): boolean {
  const allowances = policy.allowances.filter((allowance) => isFor(allowance, change.ref, policy))
  const object = change.after ?? change.before
  if (allowances.length === 0 || object === undefined) return changes.length === 0
  return changes.every((each) => uncovered(each, change.actor, allowances, object).length === 0)
}
