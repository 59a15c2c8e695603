/** Violations from what admission decided and from what the watcher found. */
import type { Actor } from '../model/actor.ts'
import type { Change } from '../model/change.ts'
import type { Origin } from '../model/desired.ts'
import type { Finding } from '../model/finding.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Verdict } from '../model/verdict.ts'
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { reportedChanges } from '../object/reported-changes.ts'

/**
 * The violation that a verdict tells of; undefined for one that nobody needs to hear of, and for dry-runs.
 *
 * @param id the one that the answer shows to the person.
 */
export function violationOfVerdict(change: Change, verdict: Verdict, id: string): Violation | undefined {
  const event = eventOf(verdict)
  if (event === undefined || change.dryRun) return undefined
  const { actor, operation, subresource, time } = change
  const { decision, rule, reason, changes, source, origin } = verdict
  return {
    id,
    time: new Date(time).toISOString(),
    event,
    verdict: decision,
    rule,
    reason,
    operation,
    subresource,
    actor: reportedActor(actor),
    object: { apiVersion: apiVersionOf(change), ...nameOf(change.ref) },
    ...(source === undefined ? {} : { source }),
    ...(origin === undefined ? {} : { origin: placeOf(origin) }),
    changes: reportedChanges(changes),
    remedy: 'none',
  }
}

/** A verdict that was allowed but noted is a break-glass use or a connect; else the mode that it was given in tells. */
function eventOf({ decision, enforced, notable, rule }: Verdict): ViolationEvent | undefined {
  if (decision === 'deny') return 'denied'
  if (notable === true && rule.includes('break-glass')) return 'break-glass'
  if (decision === 'warn') return 'warned'
  return enforced !== 'allow' || notable === true ? 'audited' : undefined
}

function apiVersionOf({ before, after, ref, resource }: Change): string {
  const object = after ?? before
  if (object?.kind === ref.kind) return object.apiVersion
  return ref.group === '' ? resource.version : `${ref.group}/${resource.version}`
}

/** A difference that the watcher found, Secret values masked. */
export interface DriftFacts extends Finding {
  /** What it is more than a difference: `fight`, `agent-lags`. Default: the drift. */
  rule?: string
}

/** What became of it. `why` is for people. */
export type DriftOutcome =
  | { event: 'drift'; why?: string }
  | { event: 'repaired'; repairedAfterMs: number; why?: string }
  | { event: 'unrepairable'; why: string }
  | { event: 'resolved'; why: string; at: number }

/**
 * The violation that drift is. Each outcome of one difference is an event of its own, with an id of its own that begins
 * with the difference's.
 */
export function violationOfDrift(facts: DriftFacts, outcome: DriftOutcome): Violation {
  const { id, ref, apiVersion, drift, source, origin, changes, actor, remedy, seenAt } = facts
  const after = outcome.event === 'repaired' ? outcome.repairedAfterMs : undefined
  const isOver = outcome.event === 'resolved'
  return {
    id: outcome.event === 'drift' ? id : `${id}-${outcome.event}`,
    time: new Date(isOver ? outcome.at : seenAt + (after ?? 0)).toISOString(),
    event: outcome.event,
    verdict: isOver ? 'allow' : 'deny',
    rule: facts.rule ?? drift,
    reason: outcome.why ?? REASONS[drift],
    operation: OPERATIONS[drift],
    subresource: '',
    actor: reportedActor(actor),
    object: { apiVersion, ...nameOf(ref) },
    source,
    ...(origin === undefined ? {} : { origin: placeOf(origin) }),
    changes: isOver ? [] : reportedChanges(changes),
    remedy: isOver ? 'none' : remedy,
    ...(after === undefined ? {} : { repairedAfterMs: Math.round(after * 10) / 10 }),
  }
}

const OPERATIONS = { modified: 'UPDATE', missing: 'DELETE', undeclared: 'CREATE' } as const
const REASONS = {
  modified: 'It differs from what Git declares.',
  missing: 'Git declares it, and it is not there.',
  undeclared: 'It is there, and Git does not declare it.',
}

function reportedActor({ username, groups, authenticated }: Actor): Violation['actor'] {
  return { username, groups, authenticated }
}

function nameOf({ kind, namespace, name }: ObjectRef) {
  return { kind, namespace, name }
}

function placeOf({ file, line, revision }: Origin) {
  return { file, line, revision }
}
