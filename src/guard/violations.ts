import type { Change } from '../model/change.ts'
import type { KubeObject } from '../model/json.ts'
import type { Verdict } from '../model/verdict.ts'
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { violationId } from '../admission/violation-id.ts'
import { reportedChanges } from '../drift/changeset.ts'
import { formatRef } from '../object/identity.ts'
import type { Finding } from '../reconcile/events.ts'
import type { Reason } from '../reconcile/remedy.ts'
import type { Exception } from './exceptions.ts'

/** A verdict that people should hear of; undefined for one that they need not. */
export function violationOfVerdict(change: Change, verdict: Verdict): Violation | undefined {
  const event = eventOf(verdict)
  if (event === undefined || change.dryRun) return undefined
  const { ref, actor, operation, subresource } = change
  const { source, origin, rule, reason, decision } = verdict
  return {
    id: violationId(change.id),
    time: new Date(change.time).toISOString(),
    event,
    verdict: decision,
    rule,
    reason,
    operation,
    subresource,
    actor: { username: actor.username, groups: actor.groups, authenticated: actor.authenticated },
    object: {
      apiVersion: apiVersionOf(change),
      kind: ref.kind,
      namespace: ref.namespace,
      name: ref.name,
    },
    ...(source === undefined ? {} : { source }),
    ...(origin === undefined ? {} : { origin: placeOf(origin) }),
    changes: reportedChanges(verdict.changes),
    remedy: 'none',
  }
}

function eventOf({ decision, enforced, rule, notable }: Verdict): ViolationEvent | undefined {
  if (rule === 'break-glass' || (rule === 'guard-self' && notable === true)) return 'break-glass'
  if (decision === 'deny') return 'denied'
  if (decision === 'warn') return 'warned'
  return enforced === 'allow' && notable !== true ? undefined : 'audited'
}

function apiVersionOf({ subresource, before, after, resource }: Change): string {
  const object: KubeObject | undefined = subresource === '' ? (after ?? before) : undefined
  if (object !== undefined) return object.apiVersion
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

const OPERATIONS = { modified: 'UPDATE', missing: 'DELETE', undeclared: 'CREATE' } as const

/** A difference between Git and the cluster, and what came of it. */
export function violationOfFinding(
  finding: Finding,
  event: 'drift' | 'repaired' | 'unrepairable',
  more: { reason?: string; repairedAfterMs?: number; time: number },
): Violation {
  const { id, ref, apiVersion, source, origin, changes, actor, remedy } = finding
  return {
    id,
    time: new Date(more.time).toISOString(),
    event,
    verdict: 'deny',
    rule: `drift-${finding.drift}`,
    reason: more.reason ?? reasonOf(finding),
    operation: OPERATIONS[finding.drift],
    subresource: '',
    actor: { username: actor.username, groups: actor.groups, authenticated: actor.authenticated },
    object: { apiVersion, kind: ref.kind, namespace: ref.namespace, name: ref.name },
    source,
    ...(origin === undefined ? {} : { origin: placeOf(origin) }),
    changes: reportedChanges(changes),
    remedy,
    ...(more.repairedAfterMs === undefined ? {} : { repairedAfterMs: more.repairedAfterMs }),
  }
}

const DRIFT = {
  modified: 'differs from what Git says',
  missing: 'is declared in Git and not in the cluster',
  undeclared: 'is not in Git',
} as const

const BECAUSE: { readonly [reason in Reason]?: string } = {
  'break-glass': 'an exception is open for it',
  terminating: 'it is being deleted',
  'namespace-terminating': 'its namespace is being deleted',
  'agent-lags': 'the agent has not brought in what Git says',
  'agent-suspended': 'its agent is suspended',
  'git-unreachable': 'Git cannot be reached, so that it may be newer than the guard knows',
  'alert-only': 'heal is alert',
  fight: 'it comes back at once, again and again',
  unrepairable: 'the API server refuses the repair',
}

function reasonOf({ ref, drift, reason }: Finding): string {
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

function placeOf({ file, line, revision }: { file: string; line: number; revision: string }) {
  return { file, line, revision }
}
