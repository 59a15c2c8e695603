import type { KubeObject } from '../model/json.ts'
import type { Shape } from '../model/path.ts'
import { declaredFields } from './declared-fields.ts'
import { readManagedFields } from './managed-fields.ts'
import type { ManagedEntry } from './managed-fields.ts'

/** How an agent writes: the name it gives as field manager, and whether it applies or updates. */
export interface AgentWriter {
  manager: string
  operation: 'Apply' | 'Update'
  apiVersion: string
}

/** The field manager of this guard's own writes. */
export const guardManager = 'gitops-guard'

/**
 * The entry of an object's managedFields that is the agent's: of the managers that the agent is known to use the one
 * that owns most of what the manifest declares, an Apply before an Update. Undefined where none owns any of it.
 */
export function agentEntry(
  live: KubeObject,
  manifest: KubeObject,
  isAgent: (manager: string) => boolean,
  shape?: Shape,
): ManagedEntry | undefined {
  let best: { entry: ManagedEntry; owned: number } | undefined
  for (const entry of readManagedFields(live)) {
    // The guard updates to repair; what it applies, as the agent of a source, is its own.
    const isRepair = entry.manager === guardManager && entry.operation === 'Update'
    if (entry.subresource !== '' || isRepair || !isAgent(entry.manager)) continue
    const owned = declaredFields(entry.fields, manifest, shape).fields.size
    if (owned === 0) continue
    const better =
      best === undefined ||
      (entry.operation === 'Apply') > (best.entry.operation === 'Apply') ||
      (entry.operation === best.entry.operation && owned > best.owned)
    if (better) best = { entry, owned }
  }
  return best?.entry
}
