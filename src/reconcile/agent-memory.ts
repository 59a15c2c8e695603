import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Agent, Declared } from '../model/policy.ts'
import { agentPreset } from '../policy/presets/agents.ts'
import { agentEntry, guardManager } from './agent-writer.ts'
import type { AgentWriter } from './agent-writer.ts'
import { noStamps, readStamps, stampsFor } from './stamps.ts'
import type { Stamps } from './stamps.ts'

/** Presets whose agent applies (server-side); the others update, unless their objects show otherwise. */
const appliers = new Set(['flux', 'config-sync', guardManager])

/** Managers that kubectl gives to commands which people run and pipelines that bring Git in do not. */
const interactive = new Set([
  'kubectl-edit',
  'kubectl-label',
  'kubectl-annotate',
  'kubectl-scale',
  'kubectl-autoscale',
  'kubectl-expose',
  'kubectl-run',
  'kubectl-taint',
  'kubectl-cordon',
  'kubectl-drain',
  'kubectl-rollout',
  'Mozilla',
  'dashboard',
  'k9s',
  'lens',
  'headlamp',
])

interface Sample {
  writers: Map<string, { writer: AgentWriter; count: number }>
  stamps: Stamps | undefined
  count: number
}

/** How many objects of a kind in a source are looked at: managedFields cost more to read than to compare an object. */
const enough = 12

/** Learns from objects that are as Git says how their agent writes: its field manager, its operation, its stamps. */
export class AgentMemory {
  /** By source and by source and kind. */
  readonly #samples = new Map<string, Sample>()

  /** Looks at an object that is as Git says. */
  learn(declared: Declared, live: KubeObject): void {
    const kind = this.#sample(kindKey(declared))
    if (kind.count >= enough) return
    const { manifest, source } = declared
    const certain = certainManagers(source.agents)
    const isAgent = (manager: string) => certain?.has(manager) ?? true
    const entry = agentEntry(live, manifest.object, isAgent, declared.shape())
    if (entry === undefined) return
    const writer = { manager: entry.manager, operation: entry.operation, apiVersion: entry.apiVersion }
    const stamps = readStamps(live, manifest.object)
    for (const sample of [kind, this.#sample(source.name)]) {
      const id = `${writer.operation} ${writer.manager}`
      const counted = sample.writers.get(id) ?? { writer, count: 0 }
      counted.count++
      sample.writers.set(id, counted)
      sample.stamps ??= stamps
      sample.count++
    }
  }

  /** Whether writes under this manager's name may be the agent's. */
  mayBeAgent(declared: Declared, manager: string): boolean {
    const certain = certainManagers(declared.source.agents)
    if (certain?.has(manager)) return true
    if (manager === guardManager || manager === 'before-first-apply') return true
    if (certain !== undefined) return false
    return this.#learned(declared, manager) || !interactive.has(manager)
  }

  /** How the agent writes this object: as its managedFields show, else as for its siblings, else as the preset does. */
  writerOf(declared: Declared, live: KubeObject | undefined): AgentWriter | undefined {
    const { manifest, source } = declared
    const { apiVersion } = manifest.object
    const certain = certainManagers(source.agents)
    const isAgent = (manager: string) => certain?.has(manager) ?? this.#learned(declared, manager)
    const entry = live && agentEntry(live, manifest.object, isAgent, declared.shape())
    if (entry !== undefined) {
      return { manager: entry.manager, operation: entry.operation, apiVersion: entry.apiVersion }
    }
    const usual = mostOf(this.#samples.get(kindKey(declared))) ?? mostOf(this.#samples.get(source.name))
    if (usual !== undefined) return { ...usual, apiVersion }
    for (const agent of source.agents) {
      const manager = managersOf(agent)?.[0]
      if (manager !== undefined) {
        return { manager, operation: appliers.has(agent.name) ? 'Apply' : 'Update', apiVersion }
      }
    }
    return undefined
  }

  /** The stamps that the agent would write on this object. */
  stampsOf(declared: Declared): Stamps {
    const { ref } = declared.manifest
    const own =
      this.#samples.get(kindKey(declared))?.stamps ?? this.#samples.get(declared.source.name)?.stamps
    return own === undefined ? noStamps : stampsFor(own, ref)
  }

  /** Forgets a source: its agent may be another one now. */
  forget(source: string): void {
    for (const key of this.#samples.keys()) {
      if (key === source || key.startsWith(`${source}\n`)) this.#samples.delete(key)
    }
  }

  #learned(declared: Declared, manager: string): boolean {
    const sample = this.#samples.get(declared.source.name)
    if (sample === undefined) return false
    let count = 0
    for (const { writer, count: times } of sample.writers.values())
      if (writer.manager === manager) count += times
    return count * 5 >= sample.count && count > 0
  }

  #sample(key: string): Sample {
    let sample = this.#samples.get(key)
    if (sample === undefined)
      this.#samples.set(key, (sample = { writers: new Map(), stamps: undefined, count: 0 }))
    return sample
  }
}

function kindKey(declared: Declared): string {
  const { group, kind }: ObjectRef = declared.manifest.ref
  return `${declared.source.name}\n${group}/${kind}`
}

function mostOf(sample: Sample | undefined): AgentWriter | undefined {
  let most: { writer: AgentWriter; count: number } | undefined
  for (const counted of sample?.writers.values() ?? []) {
    if (most === undefined || counted.count > most.count) most = counted
  }
  return most?.writer
}

const certain = new WeakMap<readonly Agent[], ReadonlySet<string> | null>()

/** The managers of these agents where all of them are known to use no others. */
function certainManagers(agents: readonly Agent[]): ReadonlySet<string> | undefined {
  let managers = certain.get(agents)
  if (managers === undefined) {
    const lists = agents.map(managersOf)
    const known = agents.length > 0 && !lists.includes(undefined)
    certain.set(agents, (managers = known ? new Set(lists.flatMap((list) => list ?? [])) : null))
  }
  return managers ?? undefined
}

/** Undefined where an agent runs whatever client it likes, as the jobs of pipelines do: its managers are learned. */
function managersOf({ name, managers }: Agent): readonly string[] | undefined {
  const names = managers ?? agentPreset(name)?.managers
  return names?.length === 0 ? undefined : names
}
