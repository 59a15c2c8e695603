import type { KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { isAgentOf } from '../policy/agents.ts'
import type { AgentMemory } from './agent-memory.ts'
import { attribute } from './attribution.ts'
import type { Clock } from './clock.ts'
import type { Comparison } from './comparison.ts'
import type { Finding } from './events.ts'
import type { Forms } from './forms.ts'
import type { History } from './history.ts'
import type { Ledger } from './ledger.ts'
import { isFinishedJob } from './live-facts.ts'
import { readManagedFields } from './managed-fields.ts'
import { ownersOf } from './owners.ts'
import type { Question } from './question.ts'
import type { Leaving, Missing, Modified } from './sight.ts'
import { signatureOf } from './signature.ts'
import { readStamps } from './stamps.ts'
import type { TrackedObjects } from './tracked-objects.ts'
import type { Remains, Troubles } from './troubles.ts'

export interface DiagnosisParts {
  policy: () => Policy
  ledger: Ledger
  forms: Forms
  comparison: Comparison
  memory: AgentMemory
  history: History
  tracked: TrackedObjects
  troubles: Troubles
  clock: Clock
  /** Time that a source's agent gets for what may be its own doing, in milliseconds. */
  grace: (source: string) => number
}

const nobody = { username: '', groups: [], authenticated: false }

/** Says of what was seen whose doing it may be, and what there is to decide. */
export class Diagnosis {
  readonly #parts: DiagnosisParts

  constructor(parts: DiagnosisParts) {
    this.#parts = parts
  }

  async of(key: string, declared: Declared, sight: Missing | Leaving | Modified): Promise<Question> {
    switch (sight.is) {
      case 'missing':
        return this.#missing(key, declared, sight)
      case 'leaving':
        return this.#leaving(key, declared, sight)
      case 'modified':
        return this.#modified(key, declared, sight)
    }
  }

  #missing(key: string, declared: Declared, { moment }: Missing): Question {
    const { history, troubles } = this.#parts
    const { manifest, source } = declared
    const tracked = this.#parts.tracked.of(key)
    const { last, at } = moment
    const remains = last && this.#remains(key, declared, last)
    if (last !== undefined && isFinishedJob(last)) tracked.finished = manifest.hash
    tracked.status = 'missing'
    tracked.resourceVersion = ''
    const deleter = this.#deleterOf(declared)
    const trouble = troubles.find(
      key,
      `missing ${manifest.hash}`,
      {
        ...about(declared, 'missing', at),
        actor: deleter?.actor ?? nobody,
        ...(deleter === undefined ? {} : { writtenAt: deleter.time }),
      },
      manifest,
    )
    if (remains !== undefined) trouble.remains = remains
    // It was there since Git was asked, and the agent may have pruned it.
    if (last !== undefined && (trouble.answer?.asked ?? at) < at) trouble.answer = undefined
    return {
      trouble,
      writer: deleter === undefined ? 'unknown' : isAgentOf(deleter.actor, source) ? 'agent' : 'person',
      pending: history.earlier(key).some((earlier) => earlier.manifest === undefined),
      agentLike: true,
      ours: false,
      moment,
      live: undefined,
      repair: { by: 'creating' },
    }
  }

  #leaving(key: string, declared: Declared, { live, moment }: Leaving): Question {
    const { troubles, tracked } = this.#parts
    const { manifest } = declared
    const actor = this.#deleterOf(declared)?.actor ?? nobody
    const trouble = troubles.find(
      key,
      `leaving ${manifest.hash}`,
      { ...about(declared, 'modified', moment.at), actor },
      manifest,
    )
    tracked.of(key).status = 'modified'
    return {
      trouble,
      writer: 'unknown',
      pending: false,
      agentLike: true,
      ours: false,
      moment,
      live,
      repair: undefined,
    }
  }

  async #modified(
    key: string,
    declared: Declared,
    { live, base: newest, moment }: Modified,
  ): Promise<Question> {
    const { policy, history, comparison, ledger, memory, troubles, tracked } = this.#parts
    const { manifest, source } = declared
    const earlier = history.earlier(key)
    const nearest =
      earlier.length === 0 ? newest : await comparison.nearest(policy(), declared, live, newest, earlier)
    const pending = nearest.differences.changes.length === 0
    // An earlier form that nobody touched differs from the newest one only: that is what would be repaired.
    const base = pending ? newest : nearest
    const { changes } = base.differences
    const { actor, writtenAt, writer } = attribute(changes, { declared, live, ledger, memory })
    const trouble = troubles.find(
      key,
      `modified ${manifest.hash} ${signatureOf(changes)}`,
      {
        ...about(declared, 'modified', moment.at),
        changes,
        actor,
        ...(writtenAt === undefined ? {} : { writtenAt }),
      },
      manifest,
    )
    tracked.of(key).status = pending ? 'pending' : 'modified'
    return {
      trouble,
      writer: pending ? 'unknown' : writer,
      pending,
      agentLike: this.#isAgentLike(declared, live, changes),
      ours: pending && history.wroteBefore(key, source.name, nearest.manifest),
      moment,
      live,
      repair: { by: 'putting-back', base, live },
    }
  }

  #deleterOf({ manifest, source }: Declared): ReturnType<Ledger['deleterOf']> {
    const { ledger, clock, grace } = this.#parts
    return ledger.deleterOf(manifest.ref, clock.now(), grace(source.name))
  }

  #isAgentLike(declared: Declared, live: KubeObject, changes: readonly FieldChange[]): boolean {
    const theirs = this.#parts.memory.writerOf(declared, live)?.manager
    return ownersOf(readManagedFields(live), changes).managers.every((manager) => manager === theirs)
  }

  #remains(key: string, declared: Declared, last: KubeObject): Remains {
    const { memory, tracked, forms } = this.#parts
    const writer = memory.writerOf(declared, last)
    const stamps = readStamps(last, declared.manifest.object)
    const wasEqual = tracked.of(key).equalIn === forms.epoch
    const isTheirs = (entry: { manager: string; operation: string; subresource: string }) =>
      entry.manager === writer?.manager && entry.operation === writer.operation && entry.subresource === ''
    return { writer, stamps, entry: wasEqual ? readManagedFields(last).find(isTheirs) : undefined }
  }
}

function about({ manifest, source }: Declared, drift: Finding['drift'], seenAt: number) {
  const { ref, object } = manifest
  return { ref, apiVersion: object.apiVersion, drift, source: source.name, changes: [], seenAt }
}
