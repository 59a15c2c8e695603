import type { Change } from '../../model/change.ts'
import type { Policy, SourcePolicy, UndeclaredMode } from '../../model/policy.ts'
import { formatRef } from '../../object/identity.ts'
import { isPerson, isSystem } from '../actors.ts'
import { scaleTarget } from '../autoscaled.ts'
import { isIncidental } from '../incidental.ts'
import { isControlled } from '../owners.ts'
import { permitted } from '../permitted.ts'
import { exception, mayNot } from '../reason.ts'
import type { Rule, RuleVerdict } from '../rule.ts'

/**
 * In the namespaces of a source, an object that Git does not hold is let in, warned of or denied as that source says; of
 * several sources the strictest counts. Left alone are what appears in every namespace by itself, what a service account
 * makes for an owner, and what an allowance gives somebody. To delete such an object brings the namespace closer to Git,
 * so that anybody may.
 *
 * One kind of object is denied in any case: an autoscaler by a person for a workload that Git declares. It would change
 * its replicas through a controller that is trusted to scale; beside a declared one, both would stand still.
 */
export const undeclared: Rule = (change, policy) => {
  const { ref, operation, subresource, actor } = change
  if (operation !== 'CREATE' && operation !== 'UPDATE') return undefined
  if (ref.namespace === '' || (subresource !== '' && subresource !== 'scale')) return undefined
  if (isSystem(actor, policy) || policy.declared(ref) !== undefined) return undefined
  const sources = policy.sourcesOf(ref.namespace)
  if (sources.length === 0) return undefined
  const byProxy = autoscalesDeclared(change, policy)
  if (byProxy !== undefined) return byProxy
  const source = strictest(sources)
  if (source.undeclared === 'allow') return undefined
  if (isIncidental(ref)) return undefined
  if (!isPerson(actor, policy) && (isControlled(change.after) || mayKeep(change, policy))) return undefined
  return {
    rule: 'undeclared',
    decision: source.undeclared,
    source,
    reason: `${mayNot(change)}: Git does not hold it, and namespace ${ref.namespace} holds what source ${source.name} declares. Add it to ${source.repository} (${source.ref}).${exception(ref, policy)}`,
  }
}

const order: { readonly [mode in UndeclaredMode]: number } = { allow: 0, warn: 1, deny: 2 }

function strictest(sources: readonly SourcePolicy[]): SourcePolicy {
  return sources.reduce((a, b) => (order[b.undeclared] > order[a.undeclared] ? b : a))
}

function mayKeep(change: Change, policy: Policy): boolean {
  return permitted(change, policy, ['spec']) || permitted(change, policy, ['data', '*'])
}

function autoscalesDeclared(change: Change, policy: Policy): RuleVerdict | undefined {
  const { ref, after, actor } = change
  if (after === undefined || !isPerson(actor, policy)) return undefined
  const scales =
    (ref.group === 'autoscaling' && ref.kind === 'HorizontalPodAutoscaler') ||
    (ref.group === 'keda.sh' && ref.kind === 'ScaledObject') ||
    (ref.group === 'autoscaling.k8s.io' && ref.kind === 'VerticalPodAutoscaler')
  if (!scales) return undefined
  const target = scaleTarget(after)
  if (target === undefined) return undefined
  const workload = { ...target, namespace: ref.namespace }
  const declared = policy.declared(workload)
  if (declared === undefined) return undefined
  return {
    rule: 'undeclared',
    decision: 'deny',
    source: declared.source,
    reason: `${mayNot(change)}: it would scale ${formatRef(workload)}, which Git declares. Add the autoscaler to Git.${exception(ref, policy)}`,
  }
}
