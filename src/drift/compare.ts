import type { Actor } from '../model/actor.ts'
import type { Canonical } from '../model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange, Path, Shape } from '../model/path.ts'
import type { Allowance } from '../model/policy.ts'
import { difference } from '../object/difference.ts'
import { compileFields, type FieldMatcher } from '../object/fields.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { withoutServerMetadata } from '../object/metadata.ts'
import { getAt, isKeyedItem } from '../object/path.ts'
import { matchesPattern } from '../object/selectors.ts'

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
 * server generates; an allowance covers its fields whoever wrote them, unless it is known who did.
 */
export function compare(canonical: Canonical, live: KubeObject, options: CompareOptions): Drift {
  const wanted = comparable(canonical.object)
  const found = comparable(live)
  const drift: Drift = { changes: [], covered: [] }
  const all =
    canonical.method === 'declared'
      ? difference(wanted, declaredPart(wanted, found, options.shape), options.shape)
      : difference(wanted, found, options.shape)
  for (const change of all) {
    if (isGenerated(change, canonical.generated)) continue
    judge(change, options, drift)
  }
  return drift
}

/** Without what the server alone writes: metadata of its own, and the status that controllers report. */
function comparable(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = withoutServerMetadata(object)
  return rest as KubeObject
}

/** A difference that lies in, or consists of, places that the server fills. */
function isGenerated(change: FieldChange, generated: readonly Path[]): boolean {
  return generated.some((place) => place.length <= change.path.length && isPrefix(place, change.path))
}

function isPrefix(place: Path, path: Path): boolean {
  return place.every((segment, index) => {
    const other = path[index]!
    if (typeof segment !== 'object' || typeof other !== 'object') return segment === other
    if (isKeyedItem(segment) && isKeyedItem(other)) {
      return Object.keys(segment.keys).every((key) => segment.keys[key] === other.keys[key])
    }
    return 'value' in segment && 'value' in other && segment.value === other.value
  })
}

function judge(change: FieldChange, options: CompareOptions, drift: Drift): void {
  const allowance = options.allowances.find((candidate) => covers(candidate, change, options))
  if (allowance !== undefined) {
    drift.covered.push({ change, allowance: allowance.name })
    return
  }
  const parts = split(change, options)
  if (parts.length <= 1) drift.changes.push(change)
  else for (const part of parts) judge(part, options, drift)
}

const compiled = new WeakMap<Allowance, FieldMatcher>()

function matcher(allowance: Allowance): FieldMatcher {
  let found = compiled.get(allowance)
  if (found === undefined) compiled.set(allowance, (found = compileFields(allowance.fields)))
  return found
}

function covers(allowance: Allowance, change: FieldChange, { manifest, writerOf }: CompareOptions): boolean {
  if (!matcher(allowance).covers(change.path)) return false
  if (allowance.ops !== undefined && !allowance.ops.includes(change.op)) return false
  if (allowance.unlessDeclared === true && getAt(manifest, change.path) !== undefined) return false
  if (allowance.bookkeeping === true) return true
  const writer = writerOf?.(change.path, change.after)
  return writer === undefined || isActorOf(allowance, writer)
}

function isActorOf(allowance: Allowance, writer: Actor): boolean {
  const groups = allowance.groups
  return (
    (allowance.users.length === 0 || allowance.users.some((user) => matchesPattern(user, writer.username))) &&
    (groups === undefined || groups.some((group) => writer.groups.includes(group))) &&
    (allowance.users.length > 0 || groups !== undefined)
  )
}

/** A whole item or object that came or went, field by field: an allowance may cover some of them and not the rest. */
function split(change: FieldChange, { allowances }: CompareOptions): FieldChange[] {
  const value = change.op === 'add' ? change.after : change.op === 'remove' ? change.before : undefined
  if (!isObject(value) || !allowances.some((allowance) => matcher(allowance).touches(change.path)))
    return [change]
  return Object.keys(value).map((key) => {
    const path = [...change.path, key]
    const field = value[key]!
    return change.op === 'add' ? { path, op: 'add', after: field } : { path, op: 'remove', before: field }
  })
}

/** Of live only what the manifest names: for kinds whose canonical form cannot be asked for. */
function declaredPart(wanted: KubeObject, live: KubeObject, shape: Shape | undefined): KubeObject {
  return intersect(wanted, live, shape) as KubeObject
}

function intersect(wanted: Json, live: Json, shape: Shape | undefined): Json {
  if (!isObject(wanted) || !isObject(live)) return live
  const copy: JsonObject = {}
  for (const key of Object.keys(wanted)) {
    const value = fieldOf(live, key)
    if (value !== undefined) copy[key] = intersect(wanted[key]!, value, shape?.fields?.[key] ?? shape?.items)
  }
  return copy
}
