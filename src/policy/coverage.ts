import type { Actor } from '../model/actor.ts'
import type { FieldChange } from '../model/path.ts'
import type { KubeObject } from '../model/json.ts'
import type { Allowance } from '../model/policy.ts'
import { compileFields, type FieldMatcher } from '../object/fields.ts'
import { isObject } from '../object/json.ts'
import { declares } from '../object/path.ts'
import { matchUsers } from './users.ts'

interface Compiled {
  fields: FieldMatcher
  user(username: string): boolean
}

/** By allowance: patterns are compiled once, not once a review. */
const compiled = new WeakMap<Allowance, Compiled>()

function compile(allowance: Allowance): Compiled {
  let found = compiled.get(allowance)
  if (found === undefined) {
    found = { fields: compileFields(allowance.fields), user: matchUsers(allowance.users) }
    compiled.set(allowance, found)
  }
  return found
}

/**
 * The parts of a change that no allowance gives this actor. The change is Git's state → the object as it would be, so
 * that an allowance to add covers a second edit of what was added. A whole item or object that came or went is looked at
 * field by field where an allowance reaches into it. An actor who is only inferred may be anybody: then the fields
 * decide, as they do in the watcher (drift/compare.ts).
 */
export function uncovered(
  change: FieldChange,
  actor: Actor,
  allowances: readonly Allowance[],
  manifest: KubeObject,
): FieldChange[] {
  if (allowances.some((allowance) => covers(allowance, change, actor, manifest))) return []
  const value = change.op === 'add' ? change.after : change.op === 'remove' ? change.before : undefined
  if (!isObject(value) || !allowances.some((allowance) => reachesInto(allowance, change))) {
    return [change]
  }
  const keys = Object.keys(value)
  if (keys.length === 0) return [change]
  const parts = keys.map((key): FieldChange => {
    const path = [...change.path, key]
    return change.op === 'add'
      ? { path, op: 'add', after: value[key]! }
      : { path, op: 'remove', before: value[key]! }
  })
  return parts.flatMap((part) => uncovered(part, actor, allowances, manifest))
}

/** Whether an allowance is for something inside the place of a change, and not for all of it. */
function reachesInto(allowance: Allowance, { path }: FieldChange): boolean {
  const { fields } = compile(allowance)
  return fields.touches(path) && !fields.covers(path)
}

/** Whether an allowance lets this actor make this change. */
export function covers(
  allowance: Allowance,
  { path, op }: FieldChange,
  actor: Actor,
  manifest: KubeObject,
): boolean {
  return (
    compile(allowance).fields.covers(path) &&
    (allowance.ops === undefined || allowance.ops.includes(op)) &&
    !(allowance.unlessDeclared === true && declares(manifest, path)) &&
    (!actor.authenticated || isActorOf(allowance, actor))
  )
}

/** Whether an allowance is for this actor. One that names nobody is for nobody: groups alone do for those it names. */
export function isActorOf(allowance: Allowance, actor: Actor): boolean {
  const { users, groups } = allowance
  if (users.length === 0 && groups === undefined) return false
  return (
    (users.length === 0 || compile(allowance).user(actor.username)) &&
    (groups === undefined || groups.some((group) => actor.groups.includes(group)))
  )
}
