import type { Actor } from '../model/actor.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange, Path } from '../model/path.ts'
import type { Allowance } from '../model/policy.ts'
import { compileFields, type FieldMatcher } from './fields.ts'
import { equalJson, isObject } from './json.ts'
import { matchUsers } from './match-users.ts'
import { declares } from './path.ts'

/** What decides whether a difference from Git may stand. */
export interface Terms {
  allowances: readonly Allowance[]
  /** The manifest as Git has it. */
  manifest: KubeObject
  /** Who wrote this value there, where that is known. */
  actorOf(path: Path, value: Json | undefined): Actor | undefined
  /** Asked before it is written: a cluster's bookkeeping is then for those who keep it, not for everybody. */
  asked?: boolean
}

/** What of a change no allowance covers; where that is nothing, the allowance that does, or the first of several. */
export interface Coverage {
  open: FieldChange[]
  allowance?: string
}

interface Compiled {
  fields: FieldMatcher
  user(username: string): boolean
}

/** By allowance: patterns are compiled once, not once a review or an object. */
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
 * Asked by admission of what somebody would write and by the watcher of what is there. The change is Git's state → the
 * object as it is or would be, so that an allowance to add covers a second edit of what was added. A whole item or
 * object that came or went is looked at field by field where an allowance reaches into it: half an item is none. An
 * actor who is not authenticated may be anybody: then the fields decide.
 */
export function coverage(change: FieldChange, terms: Terms): Coverage {
  const allowance = terms.allowances.find((candidate) => covers(candidate, change, terms))
  if (allowance !== undefined) return { open: [], allowance: allowance.name }
  const parts = partsOf(change, terms)
  if (parts.length === 0) return { open: [change] }
  const each = parts.map((part) => coverage(part, terms))
  return {
    open: each.flatMap(({ open }) => open),
    ...(each[0]!.allowance && { allowance: each[0]!.allowance }),
  }
}

/** The parts of a change that no allowance gives this actor. */
export function uncovered(
  change: FieldChange,
  actor: Actor,
  allowances: readonly Allowance[],
  manifest: KubeObject,
): FieldChange[] {
  return coverage(change, { allowances, manifest, actorOf: () => actor, asked: true }).open
}

/** The fields of a whole that came or went, where an allowance is for some of them and not for all. */
function partsOf({ path, op, before, after }: FieldChange, { allowances }: Terms): FieldChange[] {
  const value = op === 'add' ? after : op === 'remove' ? before : undefined
  if (!isObject(value)) return []
  const reaches = ({ fields }: Compiled) => fields.touches(path) && !fields.covers(path)
  if (!allowances.some((allowance) => reaches(compile(allowance)))) return []
  return Object.keys(value).map((key) => ({
    path: [...path, key],
    op,
    ...(op === 'add' ? { after: value[key]! } : { before: value[key]! }),
  }))
}

/** Whether an allowance covers a change as a whole. */
export function covers(
  allowance: Allowance,
  { path, op, after }: FieldChange,
  { manifest, actorOf, asked }: Omit<Terms, 'allowances'>,
): boolean {
  if (!compile(allowance).fields.covers(path)) return false
  if (allowance.ops !== undefined && !allowance.ops.includes(op)) return false
  if (allowance.unlessDeclared === true && declares(manifest, path)) return false
  // A record of what was written in audit mode holds no value.
  if (allowance.onlyEmpty === true && after !== undefined && !equalJson(after, {})) return false
  if (allowance.bookkeeping === true && asked !== true) return true
  const actor = actorOf(path, after)
  if (actor?.authenticated !== true) return allowance.onlyRecorded !== true
  return isActorOf(allowance, actor)
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
