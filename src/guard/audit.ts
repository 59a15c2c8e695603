import type { Actor } from '../model/actor.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { Path } from '../model/path.ts'
import type { Policy } from '../model/policy.ts'
import { difference } from '../object/difference.ts'
import { fieldOf, isObject, parseJson } from '../object/json.ts'
import { withoutServerMetadata } from '../object/metadata.ts'
import { isExemptUser } from '../policy/exempt.ts'
import { scaleWrite } from '../policy/scale.ts'
import type { RecordedWrite } from '../reconcile/ledger.ts'

/** A write as the API server recorded it. */
export interface AuditedWrite extends RecordedWrite {
  /** Somebody who is not trusted wrote in the name of this user, who is: `actor` is the one behind it. */
  posedAs?: string
}

export interface AuditFacts {
  policy: Policy
  kindOf(group: string, resource: string): string | undefined
  /** Whether it is known already who wrote this value. */
  known(ref: ObjectRef, path: Path, value: Json | undefined): boolean
}

const WRITES = new Set(['create', 'update', 'patch', 'apply'])

/**
 * Who wrote declared objects, from an audit.k8s.io/v1 EventList. Of a write's answer (level RequestResponse) what differs
 * from Git's state is the writer's; of lower levels only deletes say enough.
 *
 * @throws Error for a body that is no EventList.
 */
export function readAuditEvents(body: Buffer, facts: AuditFacts): AuditedWrite[] {
  const list = parseJson(body.toString('utf8'))
  const items = fieldOf(list, 'items')
  if (fieldOf(list, 'kind') !== 'EventList' || !Array.isArray(items)) {
    throw new Error('cannot read the audit events as the body is no audit.k8s.io/v1 EventList')
  }
  return items.flatMap((event) => readEvent(event, facts) ?? [])
}

function readEvent(event: Json, { policy, kindOf, known }: AuditFacts): AuditedWrite | undefined {
  const code = fieldOf(fieldOf(event, 'responseStatus'), 'code')
  if (fieldOf(event, 'stage') !== 'ResponseComplete' || typeof code !== 'number' || code >= 300)
    return undefined
  if (text(event, 'requestURI').includes('dryRun=')) return undefined
  const target = fieldOf(event, 'objectRef')
  const group = text(target, 'apiGroup')
  const kind = kindOf(group, text(target, 'resource'))
  if (kind === undefined || text(target, 'subresource') === 'status') return undefined
  const response = fieldOf(event, 'responseObject')
  const name = text(target, 'name') || text(fieldOf(response, 'metadata'), 'name')
  const ref = { group, kind, namespace: text(target, 'namespace'), name }
  const declared = policy.declared(ref)
  if (declared === undefined) return undefined
  const writer = writerOf(event, policy)
  const time = Date.parse(text(event, 'stageTimestamp')) || Date.now()
  if (text(event, 'verb') === 'delete') return { ref, ...writer, time, changes: [], deleted: true }
  if (!WRITES.has(text(event, 'verb'))) return undefined
  if (text(target, 'subresource') === 'scale' && isWhole(response, 'Scale'))
    return { ref, ...writer, time, changes: [scaleWrite(response, declared, policy)] }
  const canonical = declared.canonical()
  if (canonical === undefined || !isWhole(response, kind)) return undefined
  const changes = difference(
    withoutServerMetadata(canonical.object),
    withoutServerMetadata(response),
    declared.shape(),
  ).filter(({ path, after }) => path[0] !== 'status' && !known(ref, path, after))
  return { ref, ...writer, time, changes }
}

function isWhole(object: Json | undefined, kind: string): object is KubeObject {
  return isObject(object) && object['kind'] === kind && isObject(object['metadata'])
}

/**
 * Who did it. No webhook sees who is behind an impersonation, so that it passes as whom it names; here it is known. Only
 * a trusted user (a Flux that works as another account) may stand behind a trusted one.
 */
function writerOf(event: Json, policy: Policy): { actor: Actor; posedAs?: string } {
  const actor = actorOf(event)
  const { username, impersonatedBy } = actor
  if (impersonatedBy === undefined || !isExemptUser(username, policy) || isExemptUser(impersonatedBy, policy))
    return { actor }
  const groups = fieldOf(fieldOf(event, 'user'), 'groups')
  return {
    actor: {
      username: impersonatedBy,
      groups: Array.isArray(groups) ? groups.map(String) : [],
      authenticated: true,
    },
    posedAs: username,
  }
}

/** Under an impersonation, whom the API server acted for, and who is behind it. */
function actorOf(event: Json): Actor {
  const user = fieldOf(event, 'user')
  const impersonated = fieldOf(event, 'impersonatedUser')
  const acting = impersonated ?? user
  const groups = fieldOf(acting, 'groups')
  return {
    username: text(acting, 'username'),
    groups: Array.isArray(groups) ? groups.map(String) : [],
    authenticated: true,
    ...(impersonated === undefined ? {} : { impersonatedBy: text(user, 'username') }),
  }
}

function text(value: Json | undefined, key: string): string {
  const field = fieldOf(value, key)
  return typeof field === 'string' ? field : ''
}
