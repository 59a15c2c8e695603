import { isAgentOf, isDefaultAgent } from '../agents.ts'
import type { Rule } from '../rule.ts'

/**
 * Agents bring Git's state in, so they may write what their sources declare. Where no source declares an object (Git
 * just dropped it, or the guard has not fetched the commit yet) an agent by default may write it; one that only some
 * sources name, in the namespaces of these sources. Anything else an agent is judged for like everybody: it may be an
 * operator too. Only the authenticated name counts, never a group or a field manager.
 */
export const agent: Rule = ({ actor, ref }, policy) => {
  const declared = policy.declared(ref)
  if (declared !== undefined) {
    if (!isAgentOf(actor, declared.source)) return undefined
    return { rule: 'agent', decision: 'allow', reason: `agent of source ${declared.source.name}`, declared }
  }
  if (isDefaultAgent(actor, policy)) {
    return { rule: 'agent', decision: 'allow', reason: 'agent; no source declares the object' }
  }
  const namespace = ref.group === '' && ref.kind === 'Namespace' ? ref.name : ref.namespace
  const source =
    namespace === '' ? undefined : policy.sourcesOf(namespace).find((each) => isAgentOf(actor, each))
  if (source === undefined) return undefined
  return {
    rule: 'agent',
    decision: 'allow',
    reason: `agent of source ${source.name}, in its namespace`,
    source,
  }
}
