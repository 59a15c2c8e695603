import type { Json, KubeObject } from '../../model/json.ts'
import type { Declared, Policy } from '../../model/policy.ts'
import { formatRef } from '../../object/identity.ts'
import { equalJson, fieldOf } from '../../object/json.ts'
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
    if (Array.isArray(selectors) && selectors.some((selector) => selected(selector, labels))) return declared
  }
  return undefined
}

/** As a Kubernetes label selector; an empty one selects everything. */
function selected(selector: Json, labels: Json | undefined): boolean {
  const exact = Object.entries(fieldOf(selector, 'matchLabels') ?? {})
  const expressions = fieldOf(selector, 'matchExpressions')
  return (
    exact.every(([key, value]) => fieldOf(labels, key) === value) &&
    (Array.isArray(expressions) ? expressions : []).every((each) => holds(each, labels))
  )
}

function holds(expression: Json, labels: Json | undefined): boolean {
  const label = fieldOf(labels, String(fieldOf(expression, 'key')))
  const values = fieldOf(expression, 'values')
  const isListed = Array.isArray(values) && label !== undefined && values.includes(label)
  switch (fieldOf(expression, 'operator')) {
    case 'In':
      return isListed
    case 'NotIn':
      return !isListed
    case 'Exists':
      return label !== undefined
    case 'DoesNotExist':
      return label === undefined
    default:
      return true
  }
}
