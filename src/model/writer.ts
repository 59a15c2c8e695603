import type { Path, FieldOp } from './path.ts'

/**
 * What a service account did to declared objects that no allowance covers: one field of one kind, one way. No values but
 * the keys that name items of lists, and never a person.
 */
export interface WrittenField {
  /** The service account's username. */
  user: string
  /** `group/Kind`, `Kind` for the core group. */
  kind: string
  /** Empty where the object itself was made or deleted, or where a rule refused more than fields. */
  path: Path
  /** What it did to Git's state: a second edit of what Git lacks is an `add` too. */
  op: FieldOp
  /** The rule that would refuse it. */
  rule: string
  /** How often; when first and last, in milliseconds since the epoch. */
  count: number
  first: number
  last: number
  /** Declared objects that were written, the first ones only: `more` says that there are others. */
  objects: readonly { namespace: string; name: string }[]
  more?: boolean
  /** Sources that declare them. */
  sources: readonly string[]
  /** When people heard that it will be refused from then on, in milliseconds since the epoch. */
  told?: number
}
