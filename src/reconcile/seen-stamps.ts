import type { Json, KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Agent } from '../model/policy.ts'
import { fieldOf } from '../object/json.ts'
import { agentPreset } from '../policy/presets/agents.ts'
import { noStamps, type Stamps } from './stamps.ts'

/** The marks of an agent on an object, as they were when its own entry in managedFields held them. */
export interface SeenStamps {
  stamps: Stamps
  /** Which entry, and when it was written: an agent that takes its marks away itself writes it anew. */
  entry: string
}

type Field = 'labels' | 'annotations'

const FIELDS: readonly Field[] = ['labels', 'annotations']

/** Undefined where no agent's entry holds a mark: what others put there is nobody's loss. */
export function seenStamps(
  live: KubeObject,
  agents: readonly Agent[],
  isAgent: (manager: string) => boolean,
): SeenStamps | undefined {
  const keys = keysOn(live, agents)
  if (keys.length === 0) return undefined
  for (const entry of entriesOf(live)) {
    if (!isAgent(String(fieldOf(entry, 'manager')))) continue
    const stamps = { ...noStamps, labels: {}, annotations: {} }
    let found = false
    for (const { field, key, value } of keys) {
      if (!holds(entry, field, key)) continue
      Object.assign(stamps[field], { [key]: value })
      found = true
    }
    if (found) return { stamps, entry: nameOf(entry) }
  }
  return undefined
}

/** What of the marks somebody took away or overwrote; none where the agent has written since. */
export function lostStamps(live: KubeObject, seen: SeenStamps): FieldChange[] {
  const entry = entriesOf(live).find((one) => nameOf(one) === seen.entry)
  if (entry === undefined) return []
  return FIELDS.flatMap((field) =>
    Object.entries(seen.stamps[field]).flatMap(([key, before]): FieldChange[] => {
      const after = fieldOf(live.metadata[field], key)
      if (after === before || holds(entry, field, key)) return []
      const path = ['metadata', field, key]
      return [after === undefined ? { path, op: 'remove', before } : { path, op: 'replace', before, after }]
    }),
  )
}

function keysOn(live: KubeObject, agents: readonly Agent[]) {
  return agents.flatMap(({ name }) => {
    const stamps = agentPreset(name)?.stamps
    if (stamps === undefined) return []
    return FIELDS.flatMap((field) =>
      stamps[field].flatMap((key) => {
        const value = fieldOf(live.metadata[field], key)
        return typeof value === 'string' ? [{ field, key, value }] : []
      }),
    )
  })
}

/** As they are written: reading all that they hold costs more than comparing the object. */
function entriesOf({ metadata }: KubeObject): Json[] {
  const entries = metadata['managedFields']
  return Array.isArray(entries) ? entries.filter((entry) => fieldOf(entry, 'subresource') === undefined) : []
}

function holds(entry: Json, field: Field, key: string): boolean {
  const metadata = fieldOf(fieldOf(entry, 'fieldsV1'), 'f:metadata')
  return fieldOf(fieldOf(metadata, `f:${field}`), `f:${key}`) !== undefined
}

function nameOf(entry: Json): string {
  return ['manager', 'operation', 'time'].map((field) => String(fieldOf(entry, field))).join(' ')
}
