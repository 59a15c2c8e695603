/** What people were told of and is not over: so that they hear when it is. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { violationId } from '../admission/violation-id.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Violation } from '../model/violation.ts'
import { formatRef, refKey } from '../object/identity.ts'
import { parseJson, stringifyJson } from '../object/json.ts'
import type { Finding, Status } from '../reconcile/events.ts'
import { violationOfDrift } from '../report/violation.ts'
import type { Condition } from '../telemetry/condition.ts'

export interface OpenTroublesOptions {
  /** Absent: in memory only. */
  file?: string | undefined
  send(violation: Violation): void
  /** Whether this replica tells of a condition that all of them see. */
  owns(key: string): boolean
  now?: () => number
}

/** What a message about its end needs. */
type Told = Pick<Finding, 'id' | 'ref' | 'apiVersion' | 'drift' | 'source' | 'origin'> & { rule?: string }

const MOST = 2000
/** What goes wrong for less than this many milliseconds is in `/readyz` and the log only. */
const TROUBLE_MS = 3 * 60_000
const NOBODY = { username: '', groups: [], authenticated: false }

/** Differences by object, and conditions of the guard by name. */
export class OpenTroubles {
  readonly #options: OpenTroublesOptions
  readonly #now: () => number
  readonly #objects = new Map<string, Told>()
  readonly #conditions = new Map<string, { since: number; told: string | undefined }>()
  #changed = false

  constructor(options: OpenTroublesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#load()
  }

  /** People were told that an object is not as Git says. */
  told(finding: Finding, rule?: string): void {
    const { id, ref, apiVersion, drift, source, origin } = finding
    const key = refKey(ref)
    this.#objects.delete(key)
    this.#objects.set(key, {
      ...{ id, ref, apiVersion, drift, source },
      ...(origin === undefined ? {} : { origin }),
      ...(rule === undefined ? {} : { rule }),
    })
    const oldest = this.#objects.keys().next()
    if (this.#objects.size > MOST && !oldest.done) this.#objects.delete(oldest.value)
    this.#changed = true
  }

  /** Another message says that it is over. */
  settled(ref: ObjectRef): void {
    if (this.#objects.delete(refKey(ref))) this.#changed = true
  }

  /** It went away by itself. */
  over(ref: ObjectRef, why = `${formatRef(ref)} is as Git says again`): void {
    const told = this.#objects.get(refKey(ref))
    if (told === undefined) return
    this.settled(ref)
    const now = this.#now()
    const facts = { ...told, id: violationId(told.id), changes: [], actor: NOBODY, reason: '', seenAt: now }
    this.#options.send(violationOfDrift({ ...facts, remedy: 'none' }, { event: 'resolved', why, at: now }))
  }

  /** Looks whether what was told of is over, and whether something is wrong with the guard for long. To be called now and then. */
  look(statusOf: (ref: ObjectRef) => Status | undefined, conditions: readonly Condition[]): void {
    for (const { ref, drift } of [...this.#objects.values()]) {
      const status = statusOf(ref)
      if (status === 'inSync' || status === 'unattainable') this.over(ref)
      else if (status === undefined) {
        this.over(
          ref,
          drift === 'undeclared'
            ? `${formatRef(ref)} is gone`
            : `Git does not declare ${formatRef(ref)} any more`,
        )
      }
    }
    this.#lookAt(conditions)
    this.save()
  }

  save(): void {
    const { file } = this.#options
    if (file === undefined || !this.#changed) return
    this.#changed = false
    // The watch finds what Git does not name again, and tells it again.
    const kept = [...this.#objects.values()].filter(({ drift }) => drift !== 'undeclared')
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(`${file}.tmp`, stringifyJson(kept), { mode: 0o600 })
      renameSync(`${file}.tmp`, file)
    } catch {
      // People do not hear of the end of what is open when the process ends: no more than that.
    }
  }

  #load(): void {
    if (this.#options.file === undefined) return
    try {
      const kept = parseJson(readFileSync(this.#options.file, 'utf8')) as unknown as Told[]
      for (const told of kept) this.#objects.set(refKey(told.ref), told)
    } catch {
      // As above.
    }
  }

  #lookAt(conditions: readonly Condition[]): void {
    const now = this.#now()
    // A sync tells of its own troubles, object by object.
    const own = conditions.filter(({ ok, name }) => !ok && !name.startsWith('sync/'))
    const wrong = new Map(own.map((one) => [one.name, one]))
    for (const { name, reason = 'not so', urgent = false } of wrong.values()) {
      const known = this.#conditions.get(name) ?? { since: now, told: undefined }
      this.#conditions.set(name, known)
      const shared = !name.startsWith('watch/')
      if (known.told !== undefined || (!urgent && now - known.since < TROUBLE_MS)) continue
      if (shared && !this.#options.owns(`condition/${name}`)) continue
      known.told = violationId(`${name} ${now}`)
      this.#options.send(this.#condition('trouble', name, known.told, `${name}: ${reason}`))
    }
    for (const [name, { told }] of this.#conditions) {
      if (wrong.has(name)) continue
      this.#conditions.delete(name)
      if (told === undefined) continue
      this.#options.send(this.#condition('resolved', name, `${told}-resolved`, `${name} is well again`))
    }
  }

  #condition(event: 'trouble' | 'resolved', name: string, id: string, reason: string): Violation {
    const [rule = name, ...rest] = name.split('/')
    return {
      id,
      time: new Date(this.#now()).toISOString(),
      event,
      verdict: 'allow',
      rule,
      reason,
      operation: 'UPDATE',
      subresource: '',
      actor: { username: 'gitops-guard', groups: [], authenticated: true },
      object: { apiVersion: 'gitops-guard.dev/v1alpha1', kind: 'Condition', namespace: '', name },
      ...(rule === 'git' || rule === 'manifests' ? { source: rest.join('/') } : {}),
      changes: [],
      remedy: event === 'trouble' ? 'alert' : 'none',
    }
  }
}
