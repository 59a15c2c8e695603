import type { Actor } from '../model/actor.ts'
import type { Canonical } from '../model/desired.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange, Path, Segment, Shape } from '../model/path.ts'
import type { Allowance } from '../model/policy.ts'
import { difference } from '../object/difference.ts'
import { compileFields, type FieldMatcher } from '../object/fields.ts'
import { equalJson, isObject } from '../object/json.ts'
import { withoutServerMetadata } from '../object/metadata.ts'
import { declares } from '../object/path.ts'
import { matchesPattern } from '../object/selectors.ts'
import { declaredPart } from './declared-part.ts'

/** What live did to Git's state, apart from what others may do. */
export interface Drift {
  /** `before` is Git's, `after` is live's. */
  changes: FieldChange[]
  /** Differences that an allowance covers. */
  covered: { change: FieldChange; allowance: string }[]
}

export interface CompareOptions {
  shape?: Shape | undefined
  /** Those that select this object. */
  allowances: readonly Allowance[]
  /** The manifest as Git has it. */
  manifest: KubeObject
  /** The authenticated actor who wrote this value there, where a review or an audit event told. */
  writerOf?: ((path: Path, value: Json | undefined) => Actor | undefined) | undefined
}

/**
 * Compares what the API server holds with what it would store for the manifest. Status is not compared, nor what the
 * server generates. An allowance covers its fields whoever wrote them, unless an authenticated record says who did and
 * that is somebody else. A whole item that came or went is covered where each of its fields is: half an item is none.
 */
export function compare(canonical: Canonical, live: KubeObject, options: CompareOptions): Drift {
  const drift: Drift = { changes: [], covered: [] }
  for (const change of differences(canonical, live, options.shape)) {
    if (canonical.generated.some((place) => holds(place, change.path))) continue
    const allowance = coveredBy(change, options)
    if (allowance === undefined) drift.changes.push(change)
    else drift.covered.push({ change, allowance })
  }
  return drift
}

function differences(canonical: Canonical, live: KubeObject, shape: Shape | undefined): FieldChange[] {
  const wanted = comparable(canonical.object)
  const found = comparable(live)
  if (canonical.method !== 'declared') return difference(wanted, found, shape)
  const declared = declaredPart(wanted, found, shape)
  return difference(declared.wanted, declared.live, shape)
}

/** Without what the server alone writes: metadata of its own, and the status that controllers report. */
function comparable(object: KubeObject): KubeObject {
  const copy = withoutServerMetadata(object)
  delete copy['status']
  return copy
}

/** Whether a path is a place or lies beneath it. */
function holds(place: Path, path: Path): boolean {
  return place.length <= path.length && place.every((segment, index) => isSame(segment, path[index]!))
}

function isSame(a: Segment, b: Segment): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  if ('keys' in a) return 'keys' in b && equalJson(a.keys, b.keys)
  return 'value' in b && equalJson(a.value, b.value)
}

/** The name of the allowance that covers a change; of several that do together, the first. */
function coveredBy(change: FieldChange, options: CompareOptions): string | undefined {
  const allowance = options.allowances.find((candidate) => covers(candidate, change, options))
  if (allowance !== undefined) return allowance.name
  let first: string | undefined
  for (const part of partsOf(change, options)) {
    const name = coveredBy(part, options)
    if (name === undefined) return undefined
    first ??= name
  }
  return first
}

/** A whole item or object that came or went, field by field, where an allowance reaches into it; else nothing. */
function partsOf({ path, op, before, after }: FieldChange, { allowances }: CompareOptions): FieldChange[] {
  const value = op === 'add' ? after : op === 'remove' ? before : undefined
  const reachesInto = (fields: FieldMatcher) => fields.touches(path) && !fields.covers(path)
  if (!isObject(value) || !allowances.some((allowance) => reachesInto(matcher(allowance)))) return []
  return Object.keys(value).map((key) => ({
    path: [...path, key],
    op,
    ...(op === 'add' ? { after: value[key]! } : { before: value[key]! }),
  }))
}

const compiled = new WeakMap<Allowance, FieldMatcher>()

/** Compiled once for each allowance, not once for each object. */
function matcher(allowance: Allowance): FieldMatcher {
  let found = compiled.get(allowance)
  if (found === undefined) compiled.set(allowance, (found = compileFields(allowance.fields)))
  return found
}

function covers(allowance: Allowance, change: FieldChange, { manifest, writerOf }: CompareOptions): boolean {
  const { path, op, after } = change
  if (!matcher(allowance).covers(path)) return false
  if (allowance.ops !== undefined && !allowance.ops.includes(op)) return false
  if (allowance.unlessDeclared === true && declares(manifest, path)) return false
  if (allowance.bookkeeping === true) return true
  const writer = writerOf?.(path, after)
  return writer?.authenticated !== true || isActorOf(allowance, writer)
}

/** An allowance that names nobody is for nobody; groups narrow users where both are named. */
function isActorOf({ users, groups }: Allowance, { username, groups: own }: Actor): boolean {
  if (users.length === 0 && groups === undefined) return false
  return (
    (users.length === 0 || users.some((user) => matchesPattern(user, username))) &&
    (groups === undefined || groups.some((group) => own.includes(group)))
  )
}
