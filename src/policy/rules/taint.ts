import type { Json, KubeObject } from '../../model/json.ts'
import type { Policy } from '../../model/policy.ts'
import { equalJson, fieldOf } from '../../object/json.ts'
import { isPerson } from '../actors.ts'
import { isKind, workloads } from '../kinds.ts'
import { mayNot } from '../reason.ts'
import type { Rule } from '../rule.ts'

/**
 * A NoExecute taint makes a trusted controller delete the Pods of a node: by a person, and while Git declares workloads,
 * that is a delete by proxy. Cordoning a node (NoSchedule) moves nothing, and is allowed; so are taints by service
 * accounts and nodes, which is how autoscalers and cloud controllers work.
 */
export const taint: Rule = (change, policy) => {
  if (!isKind(change.ref, '', 'Node') || !isPerson(change.actor, policy)) return undefined
  if (change.operation !== 'UPDATE' && change.operation !== 'CREATE') return undefined
  const before = evicting(change.before)
  const added = evicting(change.after).filter((each) => !before.some((other) => equalJson(each, other)))
  if (added.length === 0 || !declaresWorkloads(policy)) return undefined
  return {
    rule: 'taint',
    decision: 'deny',
    reason: `${mayNot(change)}: the taint ${String(fieldOf(added[0], 'key'))}:NoExecute deletes the Pods of workloads that Git declares. Use NoSchedule (kubectl cordon), or move them through Git.`,
  }
}

function evicting(node: KubeObject | undefined): Json[] {
  const taints = fieldOf(node?.['spec'], 'taints')
  return Array.isArray(taints) ? taints.filter((each) => fieldOf(each, 'effect') === 'NoExecute') : []
}

function declaresWorkloads(policy: Policy): boolean {
  return workloads.some(({ group, kind }) => {
    for (const _ of policy.declaredOf(group, kind)) return true
    return false
  })
}
