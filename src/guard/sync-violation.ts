import type { Violation } from '../model/violation.ts'
import { violationId } from '../admission/violation-id.ts'
import { formatRef, refKey } from '../object/identity.ts'
import { escapeText } from '../object/text.ts'
import type { SyncEvent, SyncTrouble } from '../sync/events.ts'

/** Troubles in one message. */
const MOST = 10

const CANNOT = {
  apply: 'cannot be applied',
  ready: 'is applied and does not work',
  prune: 'was dropped by Git and is still there',
  inventory: 'keeps what the source brought in, and nothing can be applied',
} as const

/** A source is in trouble, or out of it: one message whatever the number of objects. */
export function syncViolation(
  event: Extract<SyncEvent, { event: 'failing' | 'well' }>,
  time: number,
  username: string,
): Violation {
  const { source, revision } = event
  const troubles = event.event === 'failing' ? event.troubles : [event.trouble]
  const [first] = troubles
  const { ref, apiVersion, origin, since } = first!
  const commit = `source ${escapeText(source, 100)}, commit ${revision.slice(0, 12)}`
  return {
    id: violationId(`${source} ${event.event} ${since} ${troubles.map((one) => refKey(one.ref)).join()}`),
    time: new Date(time).toISOString(),
    event: event.event === 'failing' ? 'trouble' : 'resolved',
    verdict: 'allow',
    rule: 'sync',
    reason:
      event.event === 'failing' ? `${commit}: ${sentences(troubles)}` : `${commit}: all is applied and works`,
    operation: first!.what === 'prune' ? 'DELETE' : 'UPDATE',
    subresource: '',
    actor: { username, groups: [], authenticated: false },
    object: { apiVersion, kind: ref.kind, namespace: ref.namespace, name: ref.name },
    source,
    ...(origin === undefined
      ? {}
      : { origin: { file: origin.file, line: origin.line, revision: origin.revision } }),
    changes: [],
    remedy: event.event === 'failing' ? 'wait' : 'none',
  }
}

/** `Deployment shop/web cannot be applied: ...`, a line each. */
function sentences(troubles: readonly SyncTrouble[]): string {
  const shown = troubles
    .slice(0, MOST)
    .map(({ what, ref, why }) => `${formatRef(ref)} ${CANNOT[what]}: ${escapeText(why, 500)}`)
  const more = troubles.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}
