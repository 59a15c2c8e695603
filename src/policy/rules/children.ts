import type { Change } from '../../model/change.ts'
import type { Declared, Policy } from '../../model/policy.ts'
import { formatRef } from '../../object/identity.ts'
import { fieldOf } from '../../object/json.ts'
import { isPerson } from '../actors.ts'
import { holdsDataOf } from '../claims.ts'
import { joins } from '../joins.ts'
import { isKind, isWorkload } from '../kinds.ts'
import { declaredOwner } from '../owners.ts'
import { exception, mayNot, place } from '../reason.ts'
import type { Rule, RuleVerdict } from '../rule.ts'
import { isStatusAlone } from '../side-effects.ts'

/**
 * What controllers make of declared objects (Pods, ReplicaSets, Jobs, EndpointSlices and the like) is Git's state one
 * step on: a changed Pod runs what no commit says. People may not create, change, debug, delete or evict such children,
 * as far as the configuration says so. Status is left alone, labels and owners that come with it are not.
 *
 * The endpoints of a declared Service are such too, whoever wrote them: where its traffic goes. So are Pods, and what makes
 * Pods, that a declared Service or workload takes for its own by their labels, and the volumes that a declared StatefulSet
 * keeps its data in: these may be resized, not deleted.
 *
 * Service accounts may: operators restart, move and resize Pods, and their controller makes them again as Git says;
 * disruption budgets govern evictions. An eviction and a binding to a node name a Pod but hold none of it: by people they are decided by
 * namespace.
 */
export const children: Rule = (change, policy) => {
  if (change.operation === 'CONNECT' || !isPerson(change.actor, policy)) return undefined
  if (isStatusAlone(change)) return undefined
  if (change.subresource === 'eviction' || isBinding(change)) return ofSomePod(change, policy)
  const owner =
    declaredOwner(change.ref, change.before, policy) ??
    (change.after === undefined ? undefined : declaredOwner(change.ref, change.after, policy)) ??
    declaredService(change, policy)
  if (owner === undefined) return byLabelOrName(change, policy)
  return verdict(
    change,
    owner,
    policy,
    `it comes from ${formatRef(owner.manifest.ref)}, which Git declares at ${place(owner)}.`,
  )
}

/** The declared Service to whose endpoints this adds or from which it takes: one that selects its Pods by itself. */
function declaredService({ ref, before, after }: Change, policy: Policy): Declared | undefined {
  const services = isKind(ref, 'discovery.k8s.io', 'EndpointSlice')
    ? [before, after].map((slice) =>
        fieldOf(fieldOf(slice?.metadata, 'labels'), 'kubernetes.io/service-name'),
      )
    : isKind(ref, '', 'Endpoints')
      ? [ref.name]
      : []
  for (const name of services) {
    if (typeof name !== 'string') continue
    const found = policy.declared({ group: '', kind: 'Service', namespace: ref.namespace, name })
    if (fieldOf(found?.manifest.object['spec'], 'selector') !== undefined) return found
  }
  return undefined
}

function byLabelOrName(change: Change, policy: Policy): RuleVerdict | undefined {
  const { ref, before, after, operation } = change
  const data = operation === 'DELETE' ? holdsDataOf(ref, before, policy) : undefined
  if (data !== undefined) {
    const of = `${formatRef(data.manifest.ref)}, which Git declares at ${place(data)}`
    return verdict(change, data, policy, `it holds the data of ${of}.`)
  }
  const taker = joins(ref, { before, after }, policy)
  if (taker === undefined) return undefined
  const sends = isKind(taker.manifest.ref, '', 'Service')
  const why = sends
    ? `by its labels ${formatRef(taker.manifest.ref)} would send it traffic`
    : `by its labels ${formatRef(taker.manifest.ref)} would take its Pods for its own`
  return verdict(change, taker, policy, `${why}, which Git declares at ${place(taker)}. Label it otherwise.`)
}

/** Schedulers bind Pods to nodes; `bindings` is what `pods/binding` was called first. */
function isBinding({ ref, resource, subresource }: Change): boolean {
  return ref.group === '' && (subresource === 'binding' || resource.resource === 'bindings')
}

function ofSomePod(change: Change, policy: Policy): RuleVerdict | undefined {
  if (!isKind(change.ref, '', 'Pod') && !isBinding(change)) return undefined
  for (const declared of policy.declaredIn(change.ref.namespace)) {
    if (!isWorkload(declared.manifest.ref)) continue
    const why = `Git declares workloads in namespace ${change.ref.namespace} (source ${declared.source.name}).`
    return verdict(change, declared, policy, why)
  }
  return undefined
}

function verdict(change: Change, owner: Declared, policy: Policy, why: string): RuleVerdict | undefined {
  const { source } = owner
  if (policy.children === 'allow') return undefined
  return {
    rule: 'children',
    decision: policy.children,
    reason: `${mayNot(change)}: ${why}${exception(change.ref, policy)}`,
    source,
  }
}
