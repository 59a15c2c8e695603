import { randomUUID } from 'node:crypto'
import type { Policy } from '../model/policy.ts'
import type { Violation } from '../model/violation.ts'
import type { WrittenField } from '../model/writer.ts'
import { violationId } from '../admission/violation-id.ts'
import { fieldPattern } from '../object/field-pattern.ts'
import { formatRef } from '../object/identity.ts'
import { escapeText } from '../object/text.ts'
import { refusedWriters } from '../policy/refused-writers.ts'

/** What will be refused from now on that went through in audit mode. */
export interface EnforcePreview {
  refused: readonly WrittenField[]
  /** One a line, the most frequent first. */
  lines: readonly string[]
  violation: Violation
}

/** Lines in a message. */
const MOST = 10

/**
 * Who will be refused under a policy, from what was seen before; undefined where nobody is, or people heard of all of
 * them. `before` is the policy that it follows, if there was one.
 */
export function enforcePreview(
  written: readonly WrittenField[],
  facts: { policy: Policy; before?: Policy | undefined; time: number },
): EnforcePreview | undefined {
  const { policy, before, time } = facts
  // At a start nothing says what was in force before: what was told once is not told again.
  const news = before === undefined ? written.filter(({ told }) => told === undefined) : written
  const refused = refusedWriters(news, policy, before)
  if (refused.length === 0) return undefined
  const lines = refused.toSorted((a, b) => b.count - a.count).map(refusedLine)
  const sources = [...new Set(refused.flatMap((record) => record.sources))]
  const shown = [...lines.slice(0, MOST), ...(lines.length > MOST ? [`and ${lines.length - MOST} more`] : [])]
  const reason = `${sources.map((name) => `source ${escapeText(name, 100)}`).join(', ')} enforces from now on. Of what service accounts did in audit mode this will be refused: ${shown.join('; ')}. gitops-guard suggest proposes allowances`
  return {
    refused,
    lines,
    violation: {
      id: violationId(randomUUID()),
      time: new Date(time).toISOString(),
      event: 'audited',
      verdict: 'deny',
      rule: 'enforce-preview',
      reason,
      operation: 'UPDATE',
      subresource: '',
      actor: { username: policy.guard.username, groups: [], authenticated: false },
      object: {
        apiVersion: 'gitops-guard.dev/v1alpha1',
        kind: 'GuardConfig',
        namespace: '',
        name: policy.guard.name,
      },
      ...(sources.length === 1 ? { source: sources[0]! } : {}),
      changes: [],
      remedy: 'none',
    },
  }
}

const MARKS = { add: '+', remove: '-', replace: '~' } as const

/** `~ system:serviceaccount:ops:updater  Deployment shop/web  /spec/replicas (12 times, last 2026-11-24T12:00:00Z)`. */
export function refusedLine({ user, kind: full, path, op, objects, count, last }: WrittenField): string {
  const [kind = '', group = ''] = full.split('/').toReversed()
  const object = formatRef({ ...objects[0]!, group, kind })
  const others = objects.length > 1 ? ` and ${objects.length - 1} more` : ''
  const field = path.length === 0 ? '(the object itself)' : escapeText(fieldPattern(path), 300)
  const when = new Date(last).toISOString().replace(/\.\d+Z$/, 'Z')
  const times = count === 1 ? 'once' : `${count} times, last`
  return `${MARKS[op]} ${escapeText(user, 200)}  ${object}${others}  ${field} (${times} ${when})`
}
