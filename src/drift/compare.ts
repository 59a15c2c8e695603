import type { Actor } from '../model/actor.ts'
import type { Canonical } from '../model/desired.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange, Path, Shape } from '../model/path.ts'
import type { Allowance } from '../model/policy.ts'
import { coverage } from '../object/coverage.ts'
import { difference } from '../object/difference.ts'
import { withGeneratedNames } from '../object/generated-items.ts'
import { isGenerated } from '../object/generated-places.ts'
import { comparable } from '../object/metadata.ts'
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
  const { allowances, manifest, writerOf } = options
  const terms = { allowances, manifest, actorOf: (path: Path, value?: Json) => writerOf?.(path, value) }
  for (const change of differences(canonical, live, options.shape)) {
    if (isGenerated(change, canonical.generated)) continue
    const { open, allowance } = coverage(change, terms)
    if (open.length > 0 || allowance === undefined) drift.changes.push(change)
    else drift.covered.push({ change, allowance })
  }
  return drift
}

function differences(canonical: Canonical, live: KubeObject, shape: Shape | undefined): FieldChange[] {
  const wanted = comparable(canonical.object)
  const found = withGeneratedNames(wanted, comparable(live), canonical.generatedItems)
  if (canonical.method !== 'declared') return difference(wanted, found, shape)
  const declared = declaredPart(wanted, found, shape)
  return difference(declared.wanted, declared.live, shape)
}
