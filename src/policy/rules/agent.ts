import type { Change } from '../../model/change.ts'
import type { Policy } from '../../model/policy.ts'
import { isAgentOf, isDefaultAgent } from '../agents.ts'
import { isKind } from '../kinds.ts'
import type { Rule, RuleVerdict } from '../rule.ts'

/**
 * Agents bring Git's state in, so they may write what their sources declare. Where no source declares an object (Git
 * just dropped it, or the guard has not fetched the commit yet) an agent by default may write it; one that only some
 * sources name, in the namespaces of these sources. Anything else an agent is judged for like everybody: it may be an
 * operator too. Only the authenticated name counts, never a group or a field manager.
 */
export const agent: Rule = (change, policy) => {
  const { actor, ref } = change
  const declared = policy.declared(ref)
  if (declared !== undefined) {
    if (!isAgentOf(actor, declared.source)) return undefined
    return { rule: 'agent', decision: 'allow', reason: `agent of source ${declared.source.name}`, declared }
  }
  if (change.operation === 'DELETE' && isKind(ref, '', 'Namespace')) return endsNamespace(change, policy)
  if (isDefaultAgent(actor, policy)) {
    return { rule: 'agent', decision: 'allow', reason: 'agent; no source declares the object' }
  }
  const namespace = isKind(ref, '', 'Namespace') ? ref.name : ref.namespace
  const source = policy.sourcesOf(namespace).find((each) => isAgentOf(actor, each))
  if (source === undefined) return undefined
  const reason = `agent of source ${source.name}, in its namespace`
  return { rule: 'agent', decision: 'allow', reason, source }
}

/** Deleting a namespace deletes what is in it: all its sources must be the agent's. */
function endsNamespace({ actor, ref }: Change, policy: Policy): RuleVerdict | undefined {
  const sources = policy.sourcesOf(ref.name)
  const trusted =
    sources.length === 0 ? isDefaultAgent(actor, policy) : sources.every((each) => isAgentOf(actor, each))
  return trusted
    ? { rule: 'agent', decision: 'allow', reason: 'agent of all sources of the namespace' }
    : undefined
}
