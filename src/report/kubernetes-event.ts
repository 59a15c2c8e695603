import type { JsonObject, KubeObject } from '../model/json.ts'
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { escapeText } from '../object/text.ts'
import { changeLines } from './change-lines.ts'

/** What a violation is called in an Event, what was done, and whether it is something to look at. */
const WORDS: {
  readonly [event in ViolationEvent]: { reason: string; action: string; type: 'Normal' | 'Warning' }
} = {
  denied: { reason: 'GitOpsDenied', action: 'Deny', type: 'Warning' },
  warned: { reason: 'GitOpsWarned', action: 'Warn', type: 'Warning' },
  audited: { reason: 'GitOpsAudited', action: 'Audit', type: 'Normal' },
  drift: { reason: 'GitOpsDrift', action: 'Compare', type: 'Warning' },
  repaired: { reason: 'GitOpsRepaired', action: 'Repair', type: 'Normal' },
  unrepairable: { reason: 'GitOpsUnrepairable', action: 'Repair', type: 'Warning' },
  'break-glass': { reason: 'GitOpsBreakGlass', action: 'Allow', type: 'Warning' },
  trouble: { reason: 'GitOpsTrouble', action: 'Watch', type: 'Warning' },
  resolved: { reason: 'GitOpsResolved', action: 'Watch', type: 'Normal' },
}

/** The API server takes notes of so many bytes. */
const NOTE_BYTES = 1024

export interface EventFacts {
  /** Of the Event itself. */
  name: string
  /** Of the object, where it is there. */
  uid?: string | undefined
  /** Who tells: the replica. */
  instance: string
}

/** Violations that are told as one Event with a count. */
export function seriesKey({ event, actor, object }: Violation): string {
  const { apiVersion, kind, namespace, name } = object
  return [event, actor.username, apiVersion, kind, namespace, name].join('\n')
}

/** The Event of a violation, as events.k8s.io/v1 has it. Of a cluster-scoped object it is in `default`, as is the custom. */
export function kubernetesEvent(violation: Violation, { name, uid, instance }: EventFacts): KubeObject {
  const { event, object, time } = violation
  const { reason, action, type } = WORDS[event]
  const namespace = object.namespace === '' ? 'default' : object.namespace
  const { namespace: own, ...rest } = object
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/name': 'gitops-guard' } },
    eventTime: microTime(time),
    reportingController: 'gitops-guard.dev/guard',
    reportingInstance: instance.slice(0, 128),
    action,
    reason,
    type,
    regarding: {
      ...rest,
      ...(own === '' ? {} : { namespace: own }),
      ...(uid === undefined ? {} : { uid }),
    },
    note: noteOf(violation),
  }
}

/** The patch that tells how often it happened since. */
export function seriesPatch(count: number, lastTime: string): JsonObject {
  return { series: { count, lastObservedTime: microTime(lastTime) } }
}

function noteOf({ reason, changes, event, actor }: Violation): string {
  const who = event === 'drift' || event === 'repaired' || event === 'unrepairable' ? by(actor) : ''
  const what = who === '' && event === 'denied' ? '' : changeLines(changes, 3).join('; ')
  const text = [`${escapeText(reason, 800)}${who}`, ...(what === '' ? [] : [what])].join(': ')
  return cutToBytes(text, NOTE_BYTES)
}

function by({ username, authenticated }: Violation['actor']): string {
  if (username === '') return ''
  return ` (${authenticated ? 'by' : 'probably by'} ${escapeText(username, 100)})`
}

function cutToBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text
  const kept = Buffer.from(text)
    .subarray(0, most - 3)
    .toString()
  // Half a character at the end became a replacement character, which is longer than it was.
  return `${kept.replace(/\ufffd+$/, '')}…`
}

/** RFC 3339 with microseconds, as the API wants it. */
function microTime(time: string): string {
  return new Date(time).toISOString().replace('Z', '000Z')
}
