import type { KubeObject } from '../model/json.ts'
import { agentPresets } from '../policy/presets/agents.ts'
import { guardManager } from '../reconcile/agent-writer.ts'
import { FieldSet } from '../reconcile/field-set.ts'
import { readManagedFields, writeManagedFields } from '../reconcile/managed-fields.ts'
import type { ManagedEntry } from '../reconcile/managed-fields.ts'

/** Managers under which Git's state came before: agents, kubectl, and what the API server calls what it knows nobody of. */
const earlier = new Set([
  ...agentPresets.flatMap(({ managers }) => managers ?? []),
  'kubectl',
  'kubectl-client-side-apply',
  'before-first-apply',
])

/**
 * The object with the fields of the agents that brought it in before in the guard's own entry, so that what Git drops from now
 * on disappears. A change of managedFields only. Undefined where there is nothing to take over.
 *
 * @param extra managers of the source's own agents
 */
export function takenOver(
  live: KubeObject,
  apiVersion: string,
  extra: readonly string[] = [],
): KubeObject | undefined {
  const entries = readManagedFields(live)
  const theirs = entries.filter(
    (entry) =>
      entry.subresource === '' &&
      entry.apiVersion === apiVersion &&
      (earlier.has(entry.manager) || extra.includes(entry.manager)),
  )
  if (theirs.length === 0) return undefined
  const own = entries.find(isOurs)
  const fields = theirs.reduce((all, entry) => all.union(entry.fields), own?.fields ?? FieldSet.empty)
  const entry: ManagedEntry = {
    manager: guardManager,
    operation: 'Apply',
    apiVersion,
    subresource: '',
    time: own?.time ?? theirs[0]!.time,
    fields,
  }
  const kept = entries.filter((other) => !theirs.includes(other) && other !== own)
  return withEntries(live, [...kept, entry])
}

/**
 * The object without the guard's own entry, for the agent that comes after it: a change of managedFields only. An entry that is the
 * only one becomes `before-first-apply`, as agents know it and take it over. Undefined where there is none.
 */
export function leftToOthers(live: KubeObject): KubeObject | undefined {
  const entries = readManagedFields(live)
  const own = entries.find(isOurs)
  if (own === undefined) return undefined
  const others = entries.filter((entry) => entry !== own)
  if (others.some(({ subresource }) => subresource === '')) return withEntries(live, others)
  return withEntries(live, [...others, { ...own, manager: 'before-first-apply', operation: 'Update' }])
}

function isOurs({ manager, operation, subresource }: ManagedEntry): boolean {
  return manager === guardManager && operation === 'Apply' && subresource === ''
}

function withEntries(live: KubeObject, entries: readonly ManagedEntry[]): KubeObject {
  return { ...live, metadata: { ...live.metadata, managedFields: writeManagedFields(entries) } }
}
