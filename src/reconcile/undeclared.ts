import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'

/** Kinds that the cluster makes for itself in every namespace; each line is a kind and, where given, a name. */
const exempt: readonly { kind: string; name?: string; prefix?: string }[] = [
  // Published into every namespace by kube-controller-manager's root CA publisher and by Istio's.
  { kind: '/ConfigMap', name: 'kube-root-ca.crt' },
  { kind: '/ConfigMap', name: 'istio-ca-root-cert' },
  // Made by the service account controller.
  { kind: '/ServiceAccount', name: 'default' },
  // What components tell each other, no state that somebody wants.
  { kind: '/Event' },
  { kind: 'events.k8s.io/Event' },
  { kind: 'coordination.k8s.io/Lease' },
  { kind: '/Endpoints' },
  { kind: 'discovery.k8s.io/EndpointSlice' },
  { kind: 'metrics.k8s.io/PodMetrics' },
  // Helm's own records of its releases.
  { kind: '/Secret', prefix: 'sh.helm.release.v1.' },
  // Opened and closed by people on purpose, guarded by RBAC.
  { kind: 'gitops-guard.dev/BreakGlass' },
  // What the cluster records about policies and certificates.
  { kind: 'wgpolicyk8s.io/PolicyReport' },
  { kind: 'openreports.io/Report' },
  { kind: '/Binding' },
]

/** Whether an object that Git does not name is none of Git's business: another object's child, or the cluster's own. */
export function exemptFromUndeclared({ group, kind, name }: ObjectRef, object: KubeObject): boolean {
  const owners = object.metadata['ownerReferences']
  if (Array.isArray(owners) && owners.length > 0) return true
  return exempt.some(
    (rule) =>
      rule.kind === `${group}/${kind}` &&
      (rule.name === undefined || rule.name === name) &&
      (rule.prefix === undefined || name.startsWith(rule.prefix)),
  )
}
