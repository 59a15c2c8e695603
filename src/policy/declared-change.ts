import type { Change } from '../model/change.ts'
import type { Canonical } from '../model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Allowance, Declared, Policy } from '../model/policy.ts'
import { difference } from '../object/difference.ts'
import { withGeneratedNames } from '../object/generated-items.ts'
import { isGenerated } from '../object/generated-places.ts'
import { equalJson, fieldOf, isObject, setKey } from '../object/json.ts'
import { LAST_APPLIED, sameAsManifest } from '../object/last-applied.ts'
import { withoutServerMetadata } from '../object/metadata.ts'
import { getAt, pathKey } from '../object/path.ts'
import { uncovered } from '../object/coverage.ts'
import { watcherAllowances } from './watcher-allowances.ts'

/**
 * The parts of a change to a declared object that lead away from Git and that no allowance gives the actor; empty where
 * the change may pass.
 *
 * Both states are compared with the canonical form. What differs after the change and did not differ in the same way
 * before is new: it must be covered. What no longer differs has converged, whoever did it. So a change that passes never
 * leaves more for the watcher to repair than there was (test/agreement.test.ts).
 */
export function unpermitted(change: Change, declared: Declared, policy: Policy): FieldChange[] {
  const allowances = watcherAllowances(policy, declared)
  const before = view(change, change.before)
  const after = view(change, change.after)
  const canonical = declared.canonical()
  // No API server asks so: nothing is then known of what would be stored.
  if (after === undefined) return [{ path: [], op: 'remove', ...(before === undefined ? {} : { before }) }]
  if (canonical === undefined) return againstManifest(change, { before, after, declared, allowances })
  const wanted = wantedView(change, canonical)
  if (versionOf(after) === versionOf(canonical.object)) {
    const named = (object: JsonObject) => withGeneratedNames(wanted!, object, canonical.generatedItems)
    const states = { before: before && named(before), after: named(after) }
    return againstCanonical(change, { ...states, wanted, canonical, declared, allowances })
  }
  // At another version only the metadata can be told to be Git's.
  const metadata = againstCanonical(change, {
    before: before && metadataOf(before),
    after: metadataOf(after),
    wanted: metadataOf(wanted),
    canonical,
    declared,
    allowances,
  })
  const rest = difference(without(before, 'metadata'), without(after, 'metadata'), declared.shape())
  const other = rest.flatMap((each) => uncovered(each, change.actor, allowances, declared.manifest.object))
  return [...metadata, ...other.filter(({ path }) => path[0] !== 'apiVersion')]
}

interface States {
  before: JsonObject | undefined
  after: JsonObject
  declared: Declared
  allowances: readonly Allowance[]
}

function againstCanonical(
  change: Change,
  {
    before,
    after,
    wanted,
    canonical,
    declared,
    allowances,
  }: States & { wanted: JsonObject; canonical: Canonical },
): FieldChange[] {
  const shape = declared.shape()
  const now = difference(wanted, after, shape)
  const earlier = new Map<string, FieldChange>()
  if (before !== undefined) {
    for (const each of difference(wanted, before, shape)) earlier.set(pathKey(each.path), each)
  }
  const denied: FieldChange[] = []
  const allocated: FieldChange[] = []
  for (const each of now) {
    const key = pathKey(each.path)
    const was = earlier.get(key)
    earlier.delete(key)
    if (was !== undefined && was.op === each.op && equalJson(was.after, each.after)) continue
    if (isGenerated(each, canonical.generated)) {
      // On a create the server has just filled them in.
      if (before !== undefined) allocated.push(...actual(each, before, after))
      continue
    }
    if (isLastApplied(each, declared)) continue
    const open = changedParts(was, each).flatMap((part) =>
      uncovered(part, change.actor, allowances, declared.manifest.object),
    )
    for (const part of open) denied.push(...(before === undefined ? [part] : actual(part, before, after)))
  }
  // What is left in `earlier` differed before and does no more. Places that the server fills come and go with the rest
  // (a nodePort with the type NodePort); by themselves they are nobody's to change.
  let converged = false
  for (const each of earlier.values()) {
    if (isGenerated(each, canonical.generated)) allocated.push(...actual(each, before, after))
    else converged = true
  }
  for (const each of allocated) {
    if (converged && each.op !== 'replace') continue
    denied.push(...uncovered(each, change.actor, allowances, declared.manifest.object))
  }
  return denied
}

/** Of something that Git lacks before and after the change only the fields that changed: others may be somebody else's. */
function changedParts(was: FieldChange | undefined, is: FieldChange): FieldChange[] {
  if (was?.op !== 'add' || is.op !== 'add' || !isObject(was.after) || !isObject(is.after)) return [is]
  const { after: earlier } = was
  const { after: now } = is
  return Object.keys(now).flatMap((key) => {
    const value = now[key]!
    const old = fieldOf(earlier, key)
    if (equalJson(old, value)) return []
    const part: FieldChange = { path: [...is.path, key], op: 'add', after: value }
    return old === undefined ? [part] : changedParts({ ...part, after: old }, part)
  })
}

/** The change as it was asked for, at the place of a difference from Git: for people, who know what they typed. */
function actual(each: FieldChange, before: JsonObject | undefined, after: JsonObject): FieldChange[] {
  const left = getAt(before, each.path)
  const right = getAt(after, each.path)
  if (left === undefined && right === undefined) return [each]
  if (left === undefined) return [{ path: each.path, op: 'add', after: right! }]
  if (right === undefined) return [{ path: each.path, op: 'remove', before: left }]
  return [{ path: each.path, op: 'replace', before: left, after: right }]
}

/** Without a canonical form only what the manifest itself says can be told to be Git's. */
function againstManifest(change: Change, { before, after, declared, allowances }: States): FieldChange[] {
  const { object } = declared.manifest
  const changes = difference(before, after, declared.shape())
  return changes.flatMap((each) => {
    const said = getAt(object, each.path)
    if (said !== undefined && equalJson(said, each.after)) return []
    if (isLastApplied(each, declared)) return []
    return uncovered(each, change.actor, allowances, object)
  })
}

function isLastApplied({ path, op, after }: FieldChange, declared: Declared): boolean {
  const [first, second, third] = path
  if (first !== 'metadata' || second !== 'annotations' || third !== LAST_APPLIED) return false
  return op === 'remove' || sameAsManifest(after, declared.manifest.object)
}

const smuggled = ['labels', 'annotations', 'finalizers', 'ownerReferences']

/**
 * What of an object a request decides: all but the status and what the server writes; of a status request the metadata
 * only, as the status is nobody's business and its neighbours are state.
 */
function view(change: Change, object: KubeObject): JsonObject
function view(change: Change, object: KubeObject | undefined): JsonObject | undefined
function view(change: Change, object: KubeObject | undefined): JsonObject | undefined {
  if (object === undefined) return undefined
  if (change.subresource === 'status') {
    const metadata: JsonObject = {}
    for (const key of smuggled) {
      const value = fieldOf(object.metadata, key)
      if (value !== undefined) setKey(metadata, key, value)
    }
    return { apiVersion: object.apiVersion, metadata }
  }
  return without(withoutServerMetadata(object), 'status')
}

const wantedViews = new WeakMap<KubeObject, JsonObject>()

/** The same for what Git wants, made once for all that is asked about the object itself. */
function wantedView(change: Change, canonical: Canonical): JsonObject {
  if (change.subresource === 'status') return view(change, canonical.object)
  const { object } = canonical
  let wanted = wantedViews.get(object)
  if (wanted === undefined) wantedViews.set(object, (wanted = view(change, object)))
  return wanted
}

const versionOf = (object: JsonObject): Json | undefined => object['apiVersion']
const metadataOf = (object: JsonObject): JsonObject => ({ metadata: object['metadata'] ?? {} })

function without(object: JsonObject, key: string): JsonObject
function without(object: JsonObject | undefined, key: string): JsonObject | undefined
function without(object: JsonObject | undefined, key: string): JsonObject | undefined {
  if (object === undefined || !Object.hasOwn(object, key)) return object
  // Not a copy less the key: V8 makes a slow dictionary of what a key was deleted from.
  const rest: JsonObject = {}
  for (const name of Object.keys(object)) if (name !== key) setKey(rest, name, object[name]!)
  return rest
}
