import type { ObjectRef } from '../model/identity.ts'
import type { ObjectSelector } from '../model/policy.ts'
import { selects } from '../object/selectors.ts'

/**
 * Objects that appear in every namespace by themselves: Git need not name them, and they are nobody's way in. One reason
 * a line. What an owner's controller makes is told by its owners (owners.ts), not by this list.
 */
const incidental: readonly { objects: ObjectSelector; reason: string }[] = [
  { objects: { kinds: ['Event', 'events.k8s.io/Event'] }, reason: 'what components report' },
  { objects: { kinds: ['coordination.k8s.io/*'] }, reason: 'leader election' },
  {
    objects: { kinds: ['Endpoints', 'discovery.k8s.io/EndpointSlice'] },
    reason: 'where Pods of Services are',
  },
  { objects: { kinds: ['ConfigMap'], names: ['kube-root-ca.crt'] }, reason: 'published in every namespace' },
  {
    objects: { kinds: ['ConfigMap'], names: ['istio-ca-root-cert'] },
    reason: 'published in every namespace by Istio',
  },
  { objects: { kinds: ['ServiceAccount'], names: ['default'] }, reason: 'made in every namespace' },
  {
    objects: { kinds: ['authorization.k8s.io/*', 'authentication.k8s.io/*'] },
    reason: 'questions, never stored',
  },
  { objects: { kinds: ['metrics.k8s.io/*', 'custom.metrics.k8s.io/*'] }, reason: 'measured, never stored' },
  { objects: { kinds: ['policy/Eviction', 'Binding'] }, reason: 'requests, never stored' },
]

/** Whether an object is one of these. */
export function isIncidental(ref: ObjectRef): boolean {
  return incidental.some(({ objects }) => selects(objects, ref))
}
