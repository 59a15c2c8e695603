import type { Json, JsonObject } from '../model/json.ts'
import { isObject } from '../object/json.ts'
import type { Shape } from '../model/path.ts'
import { FieldSet } from './field-set.ts'

/** The part of a set that a manifest declares, and whether a schema was missing to be certain of it. */
export interface DeclaredFields {
  fields: FieldSet
  /** Places where only the schema can say whether an applier owns the place itself besides what is in it. */
  uncertain: boolean
}

/**
 * What of `set` an applier of this manifest would own. The set comes from an Update, which owns every place that it
 * filled; an Apply owns the leaves of its manifest, the items of keyed lists and sets, and the values of maps whose
 * keys are free, but not the objects and lists that a schema names. (structured-merge-diff v6, typed/tofieldset.go.)
 */
export function declaredFields(set: FieldSet, manifest: Json, shape?: Shape): DeclaredFields {
  let uncertain = false
  let fields = FieldSet.empty
  for (const [element, node] of set.entries()) {
    const value = find(manifest, element)
    if (value === undefined) continue
    const inner = innerShape(shape, element)
    const below = declaredFields(node.children, value, inner)
    uncertain ||= below.uncertain
    let { member } = node
    if (member && element.startsWith('f:') && !node.children.isEmpty && !isEmpty(value)) {
      const known = shape?.fields !== undefined && Object.hasOwn(shape.fields, element.slice(2))
      if (Array.isArray(value) || known) member = false
      else if (shape?.items !== undefined) member = true
      else {
        member = false
        uncertain ||= below.fields.size > 0 && !everywhereNamed(element)
      }
    }
    fields = fields.with(element, { member, children: below.fields })
  }
  return { fields, uncertain }
}

/** Objects that every kind's schema names. */
function everywhereNamed(element: string): boolean {
  return ['f:metadata', 'f:spec', 'f:labels', 'f:annotations', 'f:data'].includes(element)
}

/** The manifest's value at an element; undefined where it declares none. */
function find(value: Json, element: string): Json | undefined {
  const rest = element.slice(2)
  if (element.startsWith('f:')) {
    return isObject(value) && Object.hasOwn(value, rest) ? value[rest] : undefined
  }
  if (!Array.isArray(value)) return undefined
  let wanted: Json
  try {
    wanted = JSON.parse(rest) as Json
  } catch {
    return undefined
  }
  if (element.startsWith('v:')) return value.find((item) => item === wanted)
  if (!element.startsWith('k:') || !isObject(wanted)) return undefined
  return findItem(value, wanted)
}

/** The item with these keys. A key that the manifest leaves out was filled by a default: it must not contradict. */
function findItem(list: readonly Json[], keys: JsonObject): Json | undefined {
  let best: { item: Json; named: number } | undefined
  for (const item of list) {
    if (!isObject(item)) continue
    const named = Object.keys(keys).filter((key) => Object.hasOwn(item, key))
    if (named.length === 0 || !named.every((key) => String(item[key]) === String(keys[key]))) continue
    if (best === undefined || named.length > best.named) best = { item, named: named.length }
  }
  return best?.item
}

function innerShape(shape: Shape | undefined, element: string): Shape | undefined {
  if (shape === undefined) return undefined
  const name = element.slice(2)
  if (element.startsWith('f:') && shape.fields !== undefined && Object.hasOwn(shape.fields, name)) {
    return shape.fields[name]
  }
  return shape.items
}

function isEmpty(value: Json): boolean {
  return value === null || (isObject(value) && Object.keys(value).length === 0)
}
