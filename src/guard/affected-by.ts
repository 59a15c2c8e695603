import type { Affects } from '../cluster/admission-watch.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Declared } from '../model/policy.ts'

/** The first of what Git declares that a webhook or policy may rewrite on its way in; undefined where it is none of it. */
export function affectedBy(
  affects: Affects,
  declared: Iterable<Declared>,
  discovery: Pick<Discovery, 'resourceFor'>,
): ObjectRef | undefined {
  for (const { manifest } of declared) {
    const { group, kind, namespace } = manifest.ref
    const resource = discovery.resourceFor(group, kind)
    if (resource !== undefined && affects(resource, namespace)) return manifest.ref
  }
  return undefined
}
