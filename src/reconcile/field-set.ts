import type { Json, JsonObject } from '../model/json.ts'
import { isObject, stableStringify } from '../object/json.ts'

/**
 * A set of fields as managedFields write it (FieldsV1): `f:name` for a field, `k:{...}` for the item of a keyed list,
 * `v:...` for the item of a set, `i:0` for an index; `.` says that the place itself belongs to the set, and so does a
 * place without children. Read in sigs.k8s.io/structured-merge-diff v6, fieldpath/serialize.go.
 */
export class FieldSet {
  readonly #nodes: ReadonlyMap<string, Node>

  private constructor(nodes: ReadonlyMap<string, Node>) {
    this.#nodes = nodes
  }

  static readonly empty = new FieldSet(new Map())

  /** Reads FieldsV1. What is no path element is dropped, as the API server does. */
  static parse(fields: Json | undefined): FieldSet {
    return isObject(fields) ? new FieldSet(parseNodes(fields)) : FieldSet.empty
  }

  /** The set of these paths, each a list of path elements. */
  static of(paths: Iterable<readonly string[]>): FieldSet {
    let set = FieldSet.empty
    for (const path of paths) set = set.union(chain(path, 0))
    return set
  }

  /** FieldsV1, as managedFields hold it. */
  toJson(): JsonObject {
    const json: JsonObject = {}
    for (const { raw, member, children } of this.#nodes.values()) {
      const inside = children.toJson()
      json[raw] = member && !children.isEmpty ? { '.': {}, ...inside } : inside
    }
    return json
  }

  get isEmpty(): boolean {
    return this.#nodes.size === 0
  }

  /** How many places belong to the set. */
  get size(): number {
    let size = 0
    for (const { member, children } of this.#nodes.values()) size += (member ? 1 : 0) + children.size
    return size
  }

  /** The element's own membership and what lies below it; undefined where the set holds neither. */
  at(element: string): { member: boolean; children: FieldSet } | undefined {
    return this.#nodes.get(normal(element))
  }

  /** Every element here as it is written, whether it belongs to the set itself, and what lies below. */
  *entries(): Iterable<[element: string, node: { member: boolean; children: FieldSet }]> {
    for (const node of this.#nodes.values()) yield [node.raw, node]
  }

  has(path: readonly string[]): boolean {
    const node = this.#nodes.get(normal(path[0] ?? ''))
    if (node === undefined) return false
    return path.length === 1 ? node.member : node.children.has(path.slice(1))
  }

  /** Whether the set holds the place, something below it, or a whole (an atomic list or map) that contains it. */
  touches(path: readonly string[]): boolean {
    if (path.length === 0) return true
    const node = this.#nodes.get(normal(path[0]!))
    if (node === undefined) return false
    return (node.member && node.children.isEmpty) || node.children.touches(path.slice(1))
  }

  union(other: FieldSet): FieldSet {
    if (other.isEmpty) return this
    if (this.isEmpty) return other
    const nodes = new Map(this.#nodes)
    for (const [element, theirs] of other.#nodes) {
      const ours = nodes.get(element)
      nodes.set(
        element,
        ours === undefined
          ? theirs
          : {
              raw: ours.raw,
              member: ours.member || theirs.member,
              children: ours.children.union(theirs.children),
            },
      )
    }
    return new FieldSet(nodes)
  }

  difference(other: FieldSet): FieldSet {
    return this.#combine(other, (ours, theirs) => ours && !theirs, true)
  }

  intersection(other: FieldSet): FieldSet {
    return this.#combine(other, (ours, theirs) => ours && theirs, false)
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty
  }

  /** The places of the set, each a list of path elements. */
  *paths(): Iterable<string[]> {
    for (const { raw, member, children } of this.#nodes.values()) {
      if (member) yield [raw]
      for (const path of children.paths()) yield [raw, ...path]
    }
  }

  /** The set with this element's node put in place of the one it had. */
  with(element: string, node: { member: boolean; children: FieldSet }): FieldSet {
    const nodes = new Map(this.#nodes)
    if (node.member || !node.children.isEmpty) nodes.set(normal(element), { raw: element, ...node })
    else nodes.delete(normal(element))
    return new FieldSet(nodes)
  }

  #combine(other: FieldSet, keep: (ours: boolean, theirs: boolean) => boolean, alone: boolean): FieldSet {
    const nodes = new Map<string, Node>()
    for (const [element, ours] of this.#nodes) {
      const theirs = other.#nodes.get(element)
      if (theirs === undefined) {
        if (alone) nodes.set(element, ours)
        continue
      }
      const member = keep(ours.member, theirs.member)
      const children = ours.children.#combine(theirs.children, keep, alone)
      if (member || !children.isEmpty) nodes.set(element, { raw: ours.raw, member, children })
    }
    return new FieldSet(nodes)
  }
}

interface Node {
  /** The element as it was written. */
  raw: string
  member: boolean
  children: FieldSet
}

function parseNodes(fields: JsonObject): Map<string, Node> {
  const nodes = new Map<string, Node>()
  for (const [raw, inside] of Object.entries(fields)) {
    if (!/^[fkvi]:/.test(raw)) continue
    const children = FieldSet.parse(inside)
    const member = children.isEmpty || (isObject(inside) && Object.hasOwn(inside, '.'))
    nodes.set(normal(raw), { raw, member, children })
  }
  return nodes
}

function chain(path: readonly string[], from: number): FieldSet {
  const element = path[from]
  if (element === undefined) return FieldSet.empty
  return FieldSet.empty.with(element, { member: from === path.length - 1, children: chain(path, from + 1) })
}

/** One spelling for elements that mean the same: the server escapes `<` in them and sorts keys, others may not. */
function normal(element: string): string {
  if (element.startsWith('f:')) return element
  try {
    return element.slice(0, 2) + stableStringify(JSON.parse(element.slice(2)) as Json)
  } catch {
    return element
  }
}
