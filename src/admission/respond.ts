import type { Change } from '../model/change.ts'
import type { Verdict } from '../model/verdict.ts'
import { plainText } from './plain-text.ts'
import { violationId } from './violation-id.ts'
import { warnings } from './warnings.ts'

/** Far more than a terminal shows; the etcd of an audit log thanks. */
const MAX_MESSAGE = 8192
const MAX_ANNOTATION = 512

/**
 * The AdmissionReview that answers a change, as JSON text. A denial is a 403 whose message is the verdict's reason and
 * the rule's name and its id; a warning carries the same, line by line; an allowed change says nothing. Every verdict but a plain allow
 * leaves audit annotations, which the API server prefixes with the webhook's name.
 */
export function reviewResponse(change: Change, verdict: Verdict): string {
  const trivial = verdict.decision === 'allow' && verdict.enforced === 'allow' && verdict.notable !== true
  if (trivial) return `${PREFIX}${JSON.stringify(change.id)},"allowed":true}}`
  const id = violationId(change.id)
  const found = `(rule ${verdict.rule}, id ${id})`
  const reason = cut(verdict.reason.trim(), MAX_MESSAGE)
  const response = {
    uid: change.id,
    allowed: verdict.decision !== 'deny',
    ...(verdict.decision === 'deny'
      ? { status: denial(change, verdict, { id, message: `${plainText(reason)} ${found}` }) }
      : {}),
    ...(verdict.decision === 'warn' ? { warnings: warnings(reason, found) } : {}),
    auditAnnotations: auditAnnotations(change, verdict, id),
  }
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response })
}

const PREFIX = '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":'

/** A Status; its details hold what a script needs without reading the message. */
function denial({ ref }: Change, verdict: Verdict, { id, message }: { id: string; message: string }) {
  const { rule, origin } = verdict
  return {
    status: 'Failure',
    code: 403,
    reason: 'Forbidden',
    message,
    details: {
      ...(ref.name === '' ? {} : { name: ref.name }),
      ...(ref.group === '' ? {} : { group: ref.group }),
      kind: ref.kind,
      causes: [
        { reason: 'GitOpsGuardRule', message: rule },
        { reason: 'GitOpsGuardViolation', message: id },
        ...(origin === undefined ? [] : [{ reason: 'GitOpsGuardOrigin', message: place(origin) }]),
      ],
    },
  }
}

function auditAnnotations({ actor, dryRun }: Change, verdict: Verdict, id: string): Record<string, string> {
  const { decision, enforced, rule, source, origin } = verdict
  return {
    id,
    decision,
    rule,
    actor: annotation(actor.username),
    ...(enforced === decision ? {} : { enforced }),
    ...(source === undefined ? {} : { source: annotation(source) }),
    ...(origin === undefined ? {} : { origin: annotation(place(origin)) }),
    ...(dryRun ? { 'dry-run': 'true' } : {}),
  }
}

function place({ file, line, revision }: NonNullable<Verdict['origin']>): string {
  return `${file}:${line}@${revision}`
}

function annotation(text: string): string {
  return cut(plainText(text), MAX_ANNOTATION)
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
