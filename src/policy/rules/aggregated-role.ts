import type { KubeObject } from '../../model/json.ts'
import type { Declared, Policy } from '../../model/policy.ts'
import { formatRef } from '../../object/identity.ts'
import { equalJson, fieldOf } from '../../object/json.ts'
import { selectsLabels } from '../../object/label-selector.ts'
import { isPerson } from '../actors.ts'
import { isKind } from '../kinds.ts'
import { mayNot, place } from '../reason.ts'
import type { Rule } from '../rule.ts'

/**
 * A ClusterRole that Git declares may take up the rules of others by their labels. Who makes or changes such another gives
 * its rules to everybody whom Git binds to the declared one, through a controller that is trusted to write them. So people
 * may not; operators bring roles for their kinds, and may.
 */
export const aggregatedRole: Rule = (change, policy) => {
  const { ref, operation, after, before } = change
  if (!isKind(ref, 'rbac.authorization.k8s.io', 'ClusterRole') || after === undefined) return undefined
  if (operation !== 'CREATE' && operation !== 'UPDATE') return undefined
  if (!isPerson(change.actor, policy) || policy.declared(ref) !== undefined) return undefined
  const into = takenUpBy(after, policy)
  if (into === undefined) return undefined
  const same = before !== undefined && equalJson(before['rules'], after['rules'])
  if (same && takenUpBy(before, policy) !== undefined) return undefined
  return {
    rule: 'aggregated-role',
    decision: 'deny',
    source: into.source,
    reason: `${mayNot(change)}: by its labels ${formatRef(into.manifest.ref)} would take up its rules, which Git declares at ${place(into)}. Add it to Git.`,
  }
}

function takenUpBy(role: KubeObject, policy: Policy): Declared | undefined {
  const labels = fieldOf(role.metadata, 'labels')
  for (const declared of policy.declaredOf('rbac.authorization.k8s.io', 'ClusterRole')) {
    const selectors = fieldOf(declared.manifest.object['aggregationRule'], 'clusterRoleSelectors')
    if (Array.isArray(selectors) && selectors.some((selector) => selectsLabels(selector, labels)))
      return declared
  }
  return undefined
}
