import type { Severity, Violation, ViolationEvent } from '../model/violation.ts'
import { groupOf } from '../object/identity.ts'
import { matchesPattern, selects } from '../object/selectors.ts'
import { severityOf } from './severity.ts'

/** Which violations a provider is told of. Absent means all. */
export interface Only {
  sources?: readonly string[]
  namespaces?: readonly string[]
  kinds?: readonly string[]
  events?: readonly ViolationEvent[]
  severities?: readonly Severity[]
}

export function isFor(
  { sources, namespaces, kinds, events, severities }: Only,
  violation: Violation,
): boolean {
  const { apiVersion, kind, namespace, name } = violation.object
  const selector = {
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(kinds === undefined ? {} : { kinds }),
  }
  return (
    (events === undefined || events.includes(violation.event)) &&
    (severities === undefined || severities.includes(severityOf(violation))) &&
    (sources === undefined || sources.some((pattern) => matchesPattern(pattern, violation.source ?? ''))) &&
    selects(selector, { group: groupOf(apiVersion), kind, namespace, name })
  )
}
