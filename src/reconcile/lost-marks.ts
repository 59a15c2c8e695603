import type { FieldChange } from '../model/path.ts'
import { pathKey } from '../object/path.ts'
import type { Base } from './comparison.ts'
import type { SeenStamps } from './seen-stamps.ts'
import { stamped } from './stamps.ts'

/** A comparison with the agent's marks that somebody took away as part of it, so that they are put back with the rest. */
export function withLost(base: Base, seen: SeenStamps | undefined, lost: readonly FieldChange[]): Base {
  if (seen === undefined || lost.length === 0) return base
  const { canonical, differences } = base
  const places = new Set(lost.map(({ path }) => pathKey(path)))
  return {
    ...base,
    canonical: { ...canonical, object: stamped(canonical.object, seen.stamps) },
    differences: {
      changes: [...differences.changes, ...lost],
      covered: differences.covered.filter(({ change }) => !places.has(pathKey(change.path))),
    },
  }
}
