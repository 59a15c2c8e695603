import type { Violation, ViolationEvent } from '../model/violation.ts'
import type { ReportEntry, Result } from './policy-report.ts'
import { severityOf } from './severity.ts'

const RESULTS: { readonly [event in ViolationEvent]?: Result } = {
  denied: 'fail',
  warned: 'warn',
  audited: 'warn',
  'break-glass': 'skip',
}
const SEVERITIES = { critical: 'critical', warning: 'medium', info: 'info' } as const

/** So many at most, the newest. */
const MOST = 2000
/** Milliseconds that one is shown after it was seen last. */
const AGE = 60 * 60_000

/** What people tried in the last hour, counted by object and rule. */
export class RecentDenials {
  readonly #seen = new Map<string, { violation: Violation; count: number }>()

  accept(violation: Violation): void {
    if (RESULTS[violation.event] === undefined || violation.object.name === '') return
    const { apiVersion, kind, namespace, name } = violation.object
    const key = JSON.stringify([apiVersion, kind, namespace, name, violation.rule, violation.event])
    const count = (this.#seen.get(key)?.count ?? 0) + 1
    this.#seen.delete(key)
    this.#seen.set(key, { violation, count })
    if (this.#seen.size > MOST) this.#seen.delete(this.#seen.keys().next().value!)
  }

  /** @param now milliseconds since the epoch. */
  entries(now: number): ReportEntry[] {
    for (const [key, { violation }] of this.#seen)
      if (Date.parse(violation.time) < now - AGE) this.#seen.delete(key)
    return [...this.#seen.values()].map(({ violation, count }) => entryOf(violation, count))
  }
}

function entryOf(violation: Violation, count: number): ReportEntry {
  const { source = '', object, rule, event, reason, time, actor, origin, id } = violation
  return {
    source,
    object,
    rule,
    result: RESULTS[event]!,
    severity: SEVERITIES[severityOf(violation)],
    message: reason.split('\n')[0]!,
    time: Date.parse(time),
    properties: {
      event,
      id,
      count: String(count),
      actor: actor.username,
      ...(origin === undefined ? {} : { file: `${origin.file}:${origin.line}`, revision: origin.revision }),
    },
  }
}
