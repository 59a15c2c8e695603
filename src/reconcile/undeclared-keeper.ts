import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Policy, SourcePolicy } from '../model/policy.ts'
import { refKey, refOf } from '../object/identity.ts'
import type { Ahead } from './ahead.ts'
import type { Clock } from './clock.ts'
import type { ReconcileEvent, Status, WatchEvent } from './events.ts'
import { breakGlassUntil, textAt } from './live-facts.ts'
import { readManagedFields } from './managed-fields.ts'
import type { Again } from './queue.ts'
import { readRefusal } from './refusal.ts'
import { decideRemedy } from './remedy.ts'
import type { Decision, Facts } from './remedy.ts'
import type { Repairer } from './repair.ts'
import type { Trouble, Troubles } from './troubles.ts'
import { exemptFromUndeclared } from './undeclared.ts'

interface UndeclaredKeeperParts {
  ahead: Ahead
  repairer: Repairer
  troubles: Troubles
  clock: Clock
  graceMs: (source: string) => number
  tell: (event: ReconcileEvent) => void
}

/** Objects that Git does not name, in namespaces of sources that do not allow them. */
export class UndeclaredKeeper {
  readonly #parts: UndeclaredKeeperParts
  readonly #statuses = new Map<string, Status>()

  constructor(parts: UndeclaredKeeperParts) {
    this.#parts = parts
  }

  has(key: string): boolean {
    return this.#statuses.has(key)
  }

  statusOf(key: string): Status | undefined {
    return this.#statuses.get(key)
  }

  statuses(): Iterable<[key: string, status: Status]> {
    return this.#statuses
  }

  /** Takes note of what a metadata-only watch says; true where the object is to be looked at. */
  observe(policy: Policy, type: WatchEvent, object: KubeObject): boolean {
    const ref = refOf(object)
    const key = refKey(ref)
    if (type !== 'deleted' && isUndeclared(policy, ref, object)) {
      if (!this.#statuses.has(key)) this.#statuses.set(key, 'undeclared')
      return true
    }
    this.forget(key)
    return false
  }

  forget(key: string): void {
    if (this.#statuses.delete(key)) this.#parts.troubles.delete(key)
  }

  /** Decides about an object and does it. */
  async examine(policy: Policy, key: string, object: KubeObject, seenAt: number): Promise<Again | undefined> {
    const ref = refOf(object)
    const source = policy.sourcesOf(ref.namespace).find(({ undeclared }) => undeclared !== 'allow')
    if (source === undefined || !isUndeclared(policy, ref, object)) {
      this.forget(key)
      return undefined
    }
    const trouble = this.#trouble(key, ref, source, object, seenAt)
    const decision = this.#decide(policy, trouble, source, object)
    trouble.finding.remedy = decision.remedy
    trouble.finding.reason = decision.reason
    if (decision.ask) return this.#ask(trouble, source, decision)
    if (decision.remedy === 'repair') return this.#remove(key, trouble, object)
    if (decision.remedy === 'alert' || decision.reason === 'break-glass') this.#tellDrift(trouble)
    return decision.recheckAfterMs === undefined ? undefined : this.#later(decision.recheckAfterMs)
  }

  #decide(policy: Policy, trouble: Trouble, source: SourcePolicy, object: KubeObject): Decision {
    const { clock, graceMs } = this.#parts
    const facts: Facts = {
      drift: 'undeclared',
      heal: source.undeclared === 'deny' ? source.heal : 'alert',
      now: clock.now(),
      since: trouble.finding.seenAt,
      graceMs: graceMs(source.name),
      writer: 'unknown',
    }
    const { answer, refused, finding } = trouble
    if (answer !== undefined && answer.standing !== 'moved') facts.standing = answer.standing
    if (object.metadata['deletionTimestamp'] !== undefined) facts.terminating = true
    if (refused !== undefined) facts.refused = refused.why
    const until = breakGlassUntil(policy, finding.ref, facts.now)
    if (until !== undefined) facts.breakGlassUntil = until
    return decideRemedy(facts)
  }

  #ask(trouble: Trouble, source: SourcePolicy, { recheckAfterMs }: Decision): Again {
    if (trouble.answer !== undefined && recheckAfterMs !== undefined) {
      trouble.answer = undefined
      return this.#later(recheckAfterMs)
    }
    const when = this.#parts.ahead.ask(source.name, trouble.finding.seenAt).then((answer) => {
      if (answer.standing !== 'moved') trouble.answer = answer
    })
    return { when, keep: true }
  }

  #later(ms: number): Again {
    return {
      when: new Promise((resolve) => this.#parts.clock.after(ms, () => resolve(undefined))),
      keep: true,
    }
  }

  async #remove(key: string, trouble: Trouble, object: KubeObject): Promise<Again | undefined> {
    const { repairer, clock, tell } = this.#parts
    const { finding } = trouble
    this.#tellDrift(trouble)
    try {
      await repairer.remove(object)
    } catch (error) {
      const refusal = readRefusal(error, 'delete')
      if (refusal.kind === 'stale' || refusal.kind === 'gone') return undefined
      if (refusal.kind !== 'final') throw error
      this.#statuses.set(key, 'unrepairable')
      trouble.refused = { why: refusal.message, immutable: false }
      tell({ event: 'unrepairable', finding, why: refusal.message, immutable: false })
      return undefined
    }
    this.forget(key)
    tell({ event: 'repaired', finding, repairedAfterMs: clock.now() - finding.seenAt })
    return undefined
  }

  #trouble(key: string, ref: ObjectRef, source: SourcePolicy, object: KubeObject, seenAt: number): Trouble {
    const entries = readManagedFields(object).filter(({ subresource }) => subresource === '')
    const first = entries.toSorted((a, b) => (a.time ?? '').localeCompare(b.time ?? ''))[0]
    const created = Date.parse(textAt(object, 'creationTimestamp'))
    return this.#parts.troubles.find(key, `undeclared ${textAt(object, 'uid')}`, {
      ref,
      apiVersion: object.apiVersion,
      drift: 'undeclared',
      source: source.name,
      changes: [],
      actor: { username: first?.manager ?? '', groups: [], authenticated: false },
      seenAt,
      ...(Number.isNaN(created) ? {} : { writtenAt: created }),
    })
  }

  #tellDrift(trouble: Trouble): void {
    if (trouble.told) return
    trouble.told = true
    this.#parts.tell({ event: 'drift', finding: { ...trouble.finding } })
  }
}

function isUndeclared(policy: Policy, ref: ObjectRef, object: KubeObject): boolean {
  if (policy.declared(ref) !== undefined || exemptFromUndeclared(ref, object)) return false
  return policy.sourcesOf(ref.namespace).some(({ undeclared }) => undeclared !== 'allow')
}
