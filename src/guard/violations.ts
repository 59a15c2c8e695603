import type { Violation } from '../model/violation.ts'
import { violationId } from '../admission/violation-id.ts'
import { formatRef } from '../object/identity.ts'
import type { Finding } from '../reconcile/events.ts'
import type { Reason } from '../reconcile/remedy.ts'
import type { Exception } from './exceptions.ts'

const DRIFT = {
  modified: 'differs from what Git says',
  missing: 'is declared in Git and not in the cluster',
  undeclared: 'is not in Git',
} as const

const BECAUSE: { readonly [reason in Reason]?: string } = {
  'break-glass': 'an exception is open for it',
  terminating: 'it is being deleted',
  'namespace-terminating': 'its namespace is being deleted',
  'agent-lags': 'its agent has not brought in the last commit',
  'agent-suspended': 'its agent is suspended',
  'git-unreachable': 'Git cannot be reached, so that it may be newer than the guard knows',
  'alert-only': 'heal is alert',
  unrepairable: 'the API server refuses the repair',
}

/** What differs and, where it is not put back, why: a sentence for people. */
export function reasonOf({ ref, drift, reason }: Finding): string {
  const because = BECAUSE[reason]
  return `${formatRef(ref)} ${DRIFT[drift]}${because === undefined ? '' : `: ${because}`}`
}

/** An exception that ended. */
export function violationOfException(exception: Exception, reason: string, time: number): Violation {
  const { name, namespace, openedBy, object } = exception
  return {
    id: violationId(`${String(object.metadata['uid'])}${time}`),
    time: new Date(time).toISOString(),
    event: 'break-glass',
    verdict: 'allow',
    rule: 'break-glass',
    reason,
    operation: 'DELETE',
    subresource: '',
    actor: { username: openedBy, groups: [], authenticated: openedBy !== '' },
    object: { apiVersion: object.apiVersion, kind: object.kind, namespace, name },
    changes: [],
    remedy: 'none',
  }
}
