import type { Change } from '../model/change.ts'
import type { Policy } from '../model/policy.ts'

/**
 * A review of a subresource names the resource of its parent, not the parent's kind. Where discovery could not tell it
 * yet (`ref.kind` is ''), the declared object of this name whose kind sounds like the resource is meant; better one too
 * many than a `scale` that nobody looks at.
 */
export function withKind(change: Change, policy: Policy): Change {
  const { ref, resource } = change
  if (ref.kind !== '') return change
  for (const { manifest } of policy.declaredIn(ref.namespace)) {
    const { group, kind, name } = manifest.ref
    if (group === ref.group && name === ref.name && soundsLike(kind, resource.resource)) {
      return { ...change, ref: { ...ref, kind } }
    }
  }
  return change
}

/** Plurals of English: `Ingress` and `ingresses`, `NetworkPolicy` and `networkpolicies`. */
function soundsLike(kind: string, resource: string): boolean {
  const singular = kind.toLowerCase()
  const stem = singular.endsWith('y') ? singular.slice(0, -1) : singular
  return resource.startsWith(stem)
}
