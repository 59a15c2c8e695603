import type { Json } from './json.ts'

/**
 * One step from a value into it. A string is a key of an object, a number an index of a list whose order counts.
 * The item of a keyed list is named by its keys and the item of a set by its value: these stay the same when the
 * list is reordered. `index` is where the item is: in the desired list if it is there, else in the live one.
 */
export type Segment = string | number | KeyedItem | SetItem

export interface KeyedItem {
  keys: { [key: string]: Json }
  index: number
}

export interface SetItem {
  value: Json
  index: number
}

export type Path = readonly Segment[]

/** What was done to a field: the words are those of the one who changed it. */
export type FieldOp = 'add' | 'remove' | 'replace'

/** One difference between two objects. `before` is absent for an add, `after` for a remove. */
export interface FieldChange {
  path: Path
  op: FieldOp
  before?: Json
  after?: Json
}

/** What a schema says of a place in a kind's objects, as far as comparing needs it. Shared between kinds, never changed. */
export interface Shape {
  /** How a list here is compared: by the values of these keys, as a set, or in order. */
  list?: { keys: readonly string[] } | 'set' | 'atomic'
  /** Resource quantities and int-or-strings that the schema describes as quantities compare by value: `1000m` is `1`. */
  quantity?: boolean
  /** Of an object's fields. */
  fields?: { readonly [key: string]: Shape }
  /** Of the items of a list, or of the values of a map. */
  items?: Shape
}
