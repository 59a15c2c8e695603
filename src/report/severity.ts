import type { Severity, Violation, ViolationEvent } from '../model/violation.ts'

const SEVERITIES: { readonly [event in ViolationEvent]: Severity } = {
  unrepairable: 'critical',
  'break-glass': 'critical',
  trouble: 'critical',
  denied: 'warning',
  warned: 'warning',
  drift: 'warning',
  repaired: 'warning',
  resolved: 'info',
  audited: 'info',
}

/** Rules that tell of the guard itself, or of what goes on and on: they take a person whatever the event is. */
const CRITICAL_RULES: ReadonlySet<string> = new Set(['guard-self', 'agent-identity', 'fight'])

/** `critical` takes a person now, `warning` wants one to know, `info` is for the record. What is over is never more than info. */
export function severityOf({ event, rule }: Pick<Violation, 'event' | 'rule'>): Severity {
  if (event !== 'resolved' && CRITICAL_RULES.has(rule)) return 'critical'
  // One manifest among many that cannot be used stops nothing.
  if (event === 'trouble' && (rule === 'manifests' || rule === 'kind')) return 'warning'
  return SEVERITIES[event]
}
