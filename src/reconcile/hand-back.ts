import type { Json, KubeObject } from '../model/json.ts'
import { isObject } from '../object/json.ts'
import type { Shape } from '../model/path.ts'
import { guardManager } from './agent-writer.ts'
import type { AgentWriter } from './agent-writer.ts'
import { declaredFields } from './declared-fields.ts'
import { FieldSet } from './field-set.ts'
import { readManagedFields, writeManagedFields } from './managed-fields.ts'
import type { ManagedEntry } from './managed-fields.ts'

/** An object whose managedFields name the agent again where a repair had put the guard's name. */
export interface HandedBack {
  object: KubeObject
  /** Without a full schema a place may be owned besides what is in it, or not: ask the API server what applying owns. */
  uncertain: boolean
}

/**
 * The object to PUT after a repair, changed in managedFields only: what the guard's entry holds and the agent's
 * manifest declares moves into the agent's Apply entry, what else it holds becomes nobody's, as it was. Undefined
 * where there is no entry of the guard.
 */
export function handBack(
  live: KubeObject,
  manifest: KubeObject,
  agent: AgentWriter | undefined,
  shape?: Shape,
): HandedBack | undefined {
  const entries = readManagedFields(live)
  const ours = entries.filter(isOurs)
  if (ours.length === 0) return undefined
  const kept = entries.filter((entry) => !isOurs(entry))
  if (agent?.operation !== 'Apply') return { object: withEntries(live, kept), uncertain: false }
  const theirs = kept.find((entry) => isOf(entry, agent))
  const fields = ours.reduce((all, entry) => all.union(entry.fields), FieldSet.empty)
  const moved = declaredFields(fields, asApplied(manifest, theirs), shape)
  const entry: ManagedEntry = {
    ...(theirs ?? { ...agent, subresource: '', time: ours[0]!.time }),
    fields: (theirs?.fields ?? FieldSet.empty).union(moved.fields),
  }
  return {
    object: withEntries(live, [...kept.filter((other) => other !== theirs), entry]),
    // The same place may have another path in the version that the agent applies.
    uncertain: moved.uncertain || ours.some(({ apiVersion }) => apiVersion !== agent.apiVersion),
  }
}

/** Whether an entry is what a repair left on its way. */
function isOurs(entry: ManagedEntry): boolean {
  return entry.manager === guardManager && entry.operation === 'Update' && entry.subresource === ''
}

function isOf(entry: ManagedEntry, agent: AgentWriter): boolean {
  return entry.manager === agent.manager && entry.operation === agent.operation && entry.subresource === ''
}

function withEntries(live: KubeObject, entries: readonly ManagedEntry[]): KubeObject {
  // An empty list would switch the tracking of managers off: one empty entry of nobody cannot be written either, so
  // the guard's own entry then stays.
  const managedFields = writeManagedFields(entries)
  if (managedFields.length === 0) return live
  return { ...live, metadata: { ...live.metadata, managedFields } }
}

/**
 * A Secret's stringData as data, unless the agent applied it as stringData: its entry says which.
 */
function asApplied(manifest: KubeObject, theirs: ManagedEntry | undefined): Json {
  const { stringData } = manifest
  if (manifest.kind !== 'Secret' || !isObject(stringData)) return manifest
  if (theirs?.fields.at('f:stringData') !== undefined) return manifest
  const data = isObject(manifest['data']) ? manifest['data'] : {}
  return { ...manifest, data: { ...data, ...stringData } }
}
