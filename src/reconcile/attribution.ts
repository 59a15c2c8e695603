import type { Actor } from '../model/actor.ts'
import type { KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared } from '../model/policy.ts'
import { isAgentOf } from '../policy/agents.ts'
import type { AgentMemory } from './agent-memory.ts'
import type { Ledger } from './ledger.ts'
import { readManagedFields } from './managed-fields.ts'
import { ownersOf } from './owners.ts'
import type { Writer } from './remedy.ts'

/** Who made a difference, and what may be concluded from it. */
export interface Attribution {
  /** For people: authenticated where a record says who it was, else as managedFields claim; '' where nothing says. */
  actor: Actor
  /** Milliseconds since the epoch. */
  writtenAt: number | undefined
  /** All of it must be a person's for a repair that asks nobody. */
  writer: Writer
}

/** Says who made these differences, field by field: from records of reviews and audit events, else from managedFields. */
export function attribute(
  changes: readonly FieldChange[],
  about: { declared: Declared; live: KubeObject; ledger: Ledger; memory: AgentMemory },
): Attribution {
  const { declared, live, ledger, memory } = about
  const entries = readManagedFields(live)
  const writers = new Set<Writer>()
  let record: { actor: Actor; time: number } | undefined
  for (const change of changes) {
    const written = ledger.written(declared.manifest.ref, change.path, change.after)
    if (written?.actor.authenticated) {
      if (record === undefined || written.time > record.time) record = written
      writers.add(isAgentOf(written.actor, declared.source) ? 'agent' : 'person')
    } else {
      const { managers } = ownersOf(entries, [change])
      const others = managers.length > 0 && managers.every((manager) => !memory.mayBeAgent(declared, manager))
      writers.add(others ? 'other-manager' : 'unknown')
    }
  }
  const writer = summary(writers)
  if (record !== undefined) return { actor: record.actor, writtenAt: record.time, writer }
  const owners = ownersOf(entries, changes)
  const other = owners.managers.find((manager) => !memory.mayBeAgent(declared, manager))
  const username = other ?? owners.managers[0] ?? ''
  return { actor: { username, groups: [], authenticated: false }, writtenAt: owners.writtenAt, writer }
}

function summary(writers: ReadonlySet<Writer>): Writer {
  if (writers.has('unknown') || writers.size === 0) return 'unknown'
  if (writers.has('agent')) return writers.size === 1 ? 'agent' : 'unknown'
  return writers.has('other-manager') ? 'other-manager' : 'person'
}
