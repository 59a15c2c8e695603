/** Compares two renderings of one commit: what differs is made up at each rendering, and nobody can hold a cluster to it. */
import type { KubeObject } from '../model/json.ts'
import { difference } from '../object/difference.ts'
import { formatRef, refKey, refOf } from '../object/identity.ts'
import { formatPath } from '../object/path.ts'

const MAX_FIELDS = 5

export interface RandomObject {
  /** As `refKey` gives it. */
  key: string
  /** Names the object and its fields; no values. */
  message: string
}

/** Objects of the first rendering that the second one does not have, or has otherwise. */
export function randomObjects(first: readonly KubeObject[], second: readonly KubeObject[]): RandomObject[] {
  const others = new Map(second.map((object) => [refKey(refOf(object)), object]))
  return first.flatMap((object) => {
    const ref = refOf(object)
    const key = refKey(ref)
    const other = others.get(key)
    const fields = other ? difference(object, other).map(({ path }) => formatPath(path)) : ['its name']
    if (fields.length === 0) return []
    const named = fields.slice(0, MAX_FIELDS).join(', ') + (fields.length > MAX_FIELDS ? ', ...' : '')
    const message = `${formatRef(ref)} is rendered with random values (${named}), another one each time, so it is not guarded: give it fixed values, or make it elsewhere`
    return [{ key, message }]
  })
}
