import type { Violation } from '../model/violation.ts'
import type { Overflow } from './delivery-state.ts'

export const OVERFLOW_RULE = 'outbox-full'

/** Adds violations that cannot be told one by one. */
export function addOverflow(before: Overflow | undefined, violations: readonly Violation[]): Overflow {
  const sum = before ?? { count: 0, from: violations[0]!.time, to: violations[0]!.time, events: {} }
  const events = new Map(Object.entries(sum.events))
  let { from, to } = sum
  for (const { event, time } of violations) {
    events.set(event, (events.get(event) ?? 0) + 1)
    if (time < from) from = time
    if (time > to) to = time
  }
  return { count: sum.count + violations.length, from, to, events: Object.fromEntries(events) }
}

/** The violation that stands for those that were lost to a full outbox: their number is told where they are not. */
export function overflowViolation(provider: string, { count, from, to, events }: Overflow): Violation {
  const counts = Object.entries(events).map(([event, number]) => `${number} ${event}`)
  return {
    id: `overflow-${count}-${to.replace(/\D/g, '')}`,
    time: to,
    event: 'audited',
    verdict: 'allow',
    rule: OVERFLOW_RULE,
    reason: `${count} violations between ${from} and ${to} are not told one by one, as the outbox was full: ${counts.join(', ')}.`,
    operation: 'CREATE',
    subresource: '',
    actor: { username: 'gitops-guard', groups: [], authenticated: true },
    object: { apiVersion: 'gitops-guard.dev/v1alpha1', kind: 'Outbox', namespace: '', name: provider },
    changes: [],
    remedy: 'none',
  }
}
