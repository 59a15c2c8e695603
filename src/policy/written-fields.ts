import type { Change } from '../model/change.ts'
import type { FieldChange, FieldOp, Path, Segment } from '../model/path.ts'
import type { Policy } from '../model/policy.ts'
import type { Verdict } from '../model/verdict.ts'
import type { WrittenField } from '../model/writer.ts'
import { getAt, isKeyedItem } from '../object/path.ts'
import { isSystemUser, serviceAccount } from './actors.ts'
import { kindOf } from './kinds.ts'

/**
 * What a change that was let through would be refused for in `enforce`, field by field: nothing where it would not be,
 * while it is refused, for people, for the control plane's own accounts and for what Git does not declare.
 */
export function writtenFields(change: Change, verdict: Verdict, policy: Policy): WrittenField[] {
  const { actor, ref, dryRun, time } = change
  if (dryRun || verdict.decision === 'deny' || verdict.enforced !== 'deny') return []
  if (!actor.authenticated || serviceAccount(actor.username) === undefined || isSystemUser(actor.username))
    return []
  const declared = policy.declared(ref)
  if (declared === undefined) return []
  const git = declared.canonical()?.object ?? declared.manifest.object
  const whole: FieldChange = { path: [], op: WHOLE[change.operation] ?? 'replace' }
  const changes = verdict.changes.length === 0 ? [whole] : verdict.changes
  return changes.map((each) => ({
    user: actor.username,
    kind: kindOf(ref),
    path: each.path.map(withoutIndex),
    op: each.path.length === 0 ? each.op : fromGit(each, getAt(git, each.path) !== undefined),
    rule: verdict.rule,
    count: 1,
    first: time,
    last: time,
    objects: [{ namespace: ref.namespace, name: ref.name }],
    sources: [declared.source.name],
  }))
}

const WHOLE: { readonly [operation: string]: FieldOp } = { CREATE: 'add', DELETE: 'remove' }

/** Allowances are asked about Git's state and the object as it would be, whatever was there in between. */
function fromGit({ op }: FieldChange, inGit: boolean): FieldOp {
  if (!inGit) return 'add'
  return op === 'remove' ? 'remove' : 'replace'
}

/** Where an item is in its list says nothing: the same item is the same field. */
function withoutIndex(segment: Segment): Segment {
  if (typeof segment !== 'object') return segment
  return isKeyedItem(segment) ? { keys: segment.keys, index: 0 } : { value: segment.value, index: 0 }
}

/** Two records of the same field, of the same user, done the same way. */
export function writtenKey({ user, kind, path, op, rule }: Omit<WrittenField, 'count'>): string {
  return JSON.stringify([user, kind, op, rule, pathText(path)])
}

function pathText(path: Path): unknown[] {
  return path.map((segment) => {
    if (typeof segment !== 'object') return segment
    return isKeyedItem(segment) ? ['k', keysText(segment.keys)] : ['v', String(segment.value)]
  })
}

function keysText(keys: { [key: string]: unknown }): string[] {
  return Object.keys(keys).map((key) => `${key}=${String(keys[key])}`)
}

/** One record of two. At most `most` objects are kept. */
export function mergeWritten(a: WrittenField, b: WrittenField, most: number): WrittenField {
  const objects = new Map(
    [...a.objects, ...b.objects].map((object) => [`${object.namespace}/${object.name}`, object]),
  )
  const kept = [...objects.values()].slice(0, most)
  const more = a.more === true || b.more === true || kept.length < objects.size
  const told = Math.max(a.told ?? 0, b.told ?? 0)
  return {
    ...a,
    count: a.count + b.count,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    objects: kept,
    sources: [...new Set([...a.sources, ...b.sources])],
    ...(more ? { more } : {}),
    ...(told === 0 ? {} : { told }),
  }
}
