import type { Violation, ViolationEvent } from '../model/violation.ts'
import { groupOf } from '../object/identity.ts'
import { matchesPattern, selects } from '../object/selectors.ts'

/** Which violations a provider is told of. Absent means all. */
export interface Only {
  sources?: readonly string[]
  namespaces?: readonly string[]
  kinds?: readonly string[]
  events?: readonly ViolationEvent[]
}

export function isFor({ sources, namespaces, kinds, events }: Only, violation: Violation): boolean {
  const { apiVersion, kind, namespace, name } = violation.object
  const selector = {
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(kinds === undefined ? {} : { kinds }),
  }
  return (
    (events === undefined || events.includes(violation.event)) &&
    (sources === undefined || sources.some((pattern) => matchesPattern(pattern, violation.source ?? ''))) &&
    selects(selector, { group: groupOf(apiVersion), kind, namespace, name })
  )
}
