import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import { isIncidental } from '../policy/incidental.ts'

/** What somebody keeps there beside Git: each line is a kind and, where given, how names begin. */
const kept: readonly { kind: string; prefix?: string }[] = [
  // Helm's own records of its releases.
  { kind: '/Secret', prefix: 'sh.helm.release.v1.' },
  // Opened and closed by people on purpose, guarded by RBAC.
  { kind: 'gitops-guard.dev/BreakGlass' },
  // What the cluster, and the guard, record about policies.
  { kind: 'wgpolicyk8s.io/PolicyReport' },
  { kind: 'openreports.io/Report' },
]

/**
 * Whether an object that Git does not name is none of Git's business: another object's child, the cluster's own, or a record. Admission
 * lets the same be made by anybody, but for the records: those that make them are known there.
 */
export function exemptFromUndeclared(ref: ObjectRef, object: KubeObject): boolean {
  const owners = object.metadata['ownerReferences']
  if (Array.isArray(owners) && owners.length > 0) return true
  return isIncidental(ref) || kept.some((rule) => isKept(rule, ref))
}

function isKept({ kind, prefix = '' }: (typeof kept)[number], ref: ObjectRef): boolean {
  return kind === `${ref.group}/${ref.kind}` && ref.name.startsWith(prefix)
}
