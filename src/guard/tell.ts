import { randomUUID } from 'node:crypto'
import type { Change } from '../model/change.ts'
import type { DesiredState } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Policy } from '../model/policy.ts'
import type { Verdict } from '../model/verdict.ts'
import type { Violation } from '../model/violation.ts'
import type { Restoration } from '../cluster/keep.ts'
import { readableChanges } from '../drift/changeset.ts'
import { difference } from '../object/difference.ts'
import { formatRef, refKey, refOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import type { KubeObject } from '../model/json.ts'
import { maskChanges } from '../object/mask.ts'
import { withoutServerMetadata } from '../object/metadata.ts'
import type { Finding, ReconcileEvent } from '../reconcile/events.ts'
import { scaleWrite } from '../policy/scale.ts'
import type { Ledger } from '../reconcile/ledger.ts'
import type { DesiredChange } from '../reconcile/desired-change.ts'
import type { SyncEvent } from '../sync/events.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { EnforcePreview } from './enforce-preview.ts'
import { escapeText } from '../object/text.ts'
import { isInScope } from '../policy/break-glass-scope.ts'
import { isBreakGlass } from '../policy/guard-objects.ts'
import type { AuditedWrite } from './audit.ts'
import type { Exception } from './exceptions.ts'
import { violationId } from '../admission/violation-id.ts'
import { violationOfDrift, violationOfVerdict, type DriftOutcome } from '../report/violation.ts'
import { syncViolation } from './sync-violation.ts'
import { reasonOf, violationOfException } from './violations.ts'

/** Takes violations to people; has them safe when it returns. */
interface Outlet {
  accept(violation: Violation): void
}

/** Remembers what people were told of, until it is over. */
interface Troubles {
  told(finding: Finding, rule?: string): void
  settled(ref: ObjectRef): void
  over(ref: ObjectRef, why?: string): void
}

export interface TellerOptions {
  logger: Logger
  metrics: Metrics
  ledger: Ledger
  outlet: Outlet
  troubles: Troubles
}

/** What happened, told to whom it concerns: log, metrics, people; and the ledger of who wrote what. */
export class Teller {
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #ledger: Ledger
  readonly #outlet: Outlet
  readonly #troubles: Troubles
  /** What was changed under an exception, by its identity. */
  readonly #used = new Map<string, Map<string, ObjectRef>>()

  constructor({ logger, metrics, ledger, outlet, troubles }: TellerOptions) {
    this.#troubles = troubles
    this.#logger = logger
    this.#metrics = metrics
    this.#ledger = ledger
    this.#outlet = outlet
  }

  /** A review was judged. Returns when its violation is safe. */
  judged(change: Change, verdict: Verdict, ms: number, policy: Policy): void {
    const { decision, rule, source } = verdict
    this.#metrics.reviewed(decision, rule, ms)
    if (change.dryRun) return
    if (decision !== 'deny') this.#record(change, policy)
    const violation = violationOfVerdict(change, verdict, violationId(change.id))
    if (violation === undefined) return
    if (rule === 'break-glass') this.#use(change, policy)
    this.#logger.info(
      {
        id: violation.id,
        event: violation.event,
        rule,
        user: change.actor.username,
        operation: change.operation,
        subresource: change.subresource,
        object: formatRef(change.ref),
        source,
      },
      verdict.reason,
    )
    this.#send(violation)
  }

  /** The reconciler found or did something. */
  reconciled(told: ReconcileEvent): void {
    const event = masked(told)
    switch (event.event) {
      case 'drift': {
        const { finding } = event
        this.#metrics.driftFound(finding.source, finding.drift)
        this.#log('warn', event, finding.ref, {
          remedy: finding.remedy,
          changes: readableChanges(finding.changes),
        })
        // One message for what is put back at once: the one that says so.
        if (finding.remedy !== 'repair') this.#sendDrift(finding, { event: 'drift' })
        return
      }
      case 'repaired': {
        const { finding, repairedAfterMs } = event
        this.#metrics.driftRepaired(finding.source, repairedAfterMs)
        this.#log('info', event, finding.ref, { id: finding.id, repairedAfterMs })
        return this.#sendDrift(finding, { event: 'repaired', repairedAfterMs })
      }
      case 'unrepairable': {
        const { finding, why } = event
        this.#metrics.driftUnrepairable(finding.source)
        this.#log('error', event, finding.ref, { id: finding.id, why })
        return this.#sendDrift(finding, {
          event: 'unrepairable',
          why: `${formatRef(finding.ref)} cannot be put back: ${why}`,
        })
      }
      case 'fight': {
        const { finding, writers, rounds, resumesAt } = event
        const until = new Date(resumesAt).toISOString()
        const why = `${formatRef(finding.ref)} comes back at once, again and again: ${writers.join(' and ')} disagree (${rounds} times). The guard waits until ${until}`
        this.#log('error', event, finding.ref, { id: finding.id, writers, rounds })
        return this.#sendDrift({ ...finding, id: `${finding.id} fight` }, { event: 'drift', why }, 'fight')
      }
      case 'agent-lags': {
        this.#log('warn', event, event.finding.ref, { id: event.finding.id })
        return this.#sendDrift(
          { ...event.finding, id: `${event.finding.id} lags` },
          { event: 'drift' },
          'agent-lags',
        )
      }
      case 'undone':
        this.#troubles.over(event.finding.ref)
        return this.#log('info', event, event.finding.ref, { id: event.finding.id })
      case 'nudge':
        return this.#log('info', event, event.finding.ref, { id: event.finding.id })
      case 'fight-ended':
        this.#troubles.over(event.ref, `the fight over ${formatRef(event.ref)} has ended`)
        return this.#log('info', event, event.ref, {})
      case 'invalid':
        return this.#log('error', event, event.ref, { origin: event.origin, reason: event.message })
      case 'unattainable':
        return this.#log('warn', event, event.ref, { origin: event.origin, fields: event.fields })
      case 'failed':
        return this.#log('warn', event, event.ref, { reason: event.message, retryMs: event.retryMs })
    }
  }

  /** A source's commit is in force. */
  loaded(state: DesiredState, { added, changed, removed }: DesiredChange): void {
    const { source, revision, committedAt, loadedAt, manifests, problems } = state
    this.#metrics.source({ source, revision, committedAt, askedAt: loadedAt })
    const counts = {
      objects: manifests.length,
      added: added.length,
      changed: changed.length,
      removed: removed.length,
    }
    this.#logger.info({ source, revision, ...counts }, 'a commit is in force')
    for (const { file, line, message } of problems) this.#logger.warn({ source, file, line }, message)
  }

  /** A sync did something, or cannot. People hear of what fails and of when all is well again. */
  synced(event: SyncEvent, username: string): void {
    const { source } = event
    switch (event.event) {
      case 'tried': {
        const { ref, why, retryMs } = event
        this.#metrics.syncTried(source, why === undefined)
        const facts = { source, object: formatRef(ref) }
        if (why === undefined) return this.#logger.debug(facts, 'applied')
        return this.#logger.warn({ ...facts, reason: why, retryMs }, 'cannot be applied')
      }
      case 'pruned':
        this.#metrics.syncPruned(source)
        return this.#logger.info({ source, object: formatRef(event.ref) }, 'deleted: Git dropped it')
      case 'released':
        return this.#logger.info(
          { source, object: formatRef(event.ref), reason: event.why },
          'Git dropped it, and it stays',
        )
      case 'applied': {
        const { revision, objects, afterMs } = event
        this.#metrics.syncApplied(source, afterMs)
        return this.#logger.info({ source, revision, objects, afterMs }, 'a commit is applied')
      }
      case 'left':
        return this.#logger.info({ source, objects: event.objects }, 'the source is left to its agent')
      case 'not-left':
        return this.#logger.warn({ source, reason: event.why }, 'the source cannot be left to its agent yet')
      case 'stranded':
        return this.#logger.warn({ source }, 'there is no such source any more: what it brought in stays')
      case 'failing':
      case 'well': {
        const violation = syncViolation(event, Date.now(), username)
        const level = event.event === 'failing' ? 'error' : 'info'
        this.#logger[level]({ id: violation.id, source, revision: event.revision }, violation.reason)
        return this.#send(violation)
      }
    }
  }

  /** What service accounts did in audit mode is refused from now on. */
  previewed({ lines, violation }: EnforcePreview): void {
    this.#logger.warn(
      { id: violation.id, rule: violation.rule, refused: lines.slice(0, 100), count: lines.length },
      'enforcing from now on refuses what went through in audit mode: gitops-guard suggest proposes allowances',
    )
    this.#send(violation)
  }

  /** One of the guard's own objects was changed by somebody, and is back. */
  restored(what: string, { operation, changes, manager, afterMs }: Restoration): void {
    this.#logger.warn(
      {
        object: what,
        operation,
        manager,
        afterMs: Math.round(afterMs),
        changes: readableChanges(changes, 5),
      },
      "somebody changed the guard's own registration: it is back",
    )
    const [kind = '', name = ''] = what.split(' ')
    this.#send({
      id: violationId(randomUUID()),
      time: new Date().toISOString(),
      event: 'repaired',
      verdict: 'deny',
      rule: 'guard-self',
      reason: `${what} was ${operation}${manager === undefined ? '' : ` (by ${manager}, as managedFields say)`}: it is part of the guard, and back`,
      operation: operation === 'deleted' ? 'DELETE' : 'UPDATE',
      subresource: '',
      actor: { username: manager ?? '', groups: [], authenticated: false },
      object: { apiVersion: 'admissionregistration.k8s.io/v1', kind, namespace: '', name },
      changes: [],
      remedy: 'repair',
      repairedAfterMs: Math.round(afterMs),
    })
  }

  /** An exception began, was renewed or ended. People hear of the first two when they are written; of the end here. */
  exception(event: 'opened' | 'renewed' | 'ended', exception: Exception): void {
    const { namespace, name, openedBy, reason, expiresAt } = exception
    const until = new Date(expiresAt).toISOString()
    this.#logger.warn({ namespace, name, openedBy, reason, until }, `an exception was ${event}`)
    if (event !== 'ended') return
    const key = `${namespace}/${name}`
    const used = [...(this.#used.get(key)?.values() ?? [])].map(formatRef)
    this.#used.delete(key)
    const meanwhile =
      used.length === 0 ? 'nothing was changed under it' : `changed under it: ${used.join(', ')}`
    const text = `the exception ${key} (${reason}) has ended: ${meanwhile}. Git's state returns`
    this.#send(violationOfException(exception, text, Date.now()))
  }

  /** A webhook or policy that Git does not hold rewrites what Git declares, for instance this object. */
  mutator(object: KubeObject, affected: ObjectRef): void {
    const ref = refOf(object)
    const { manager, time } = lastWriter(object)
    const by = manager === '' ? '' : ` (by ${escapeText(manager, 80)}, as managedFields say)`
    this.#send({
      id: violationId(`${String(object.metadata['uid'])}${String(object.metadata['resourceVersion'])}`),
      time: time || new Date().toISOString(),
      event: 'audited',
      verdict: 'allow',
      rule: 'mutator',
      reason: `${formatRef(ref)}${by} may rewrite objects on their way in, such as ${formatRef(affected)}, and Git does not hold it`,
      operation: object.metadata['generation'] === 1 ? 'CREATE' : 'UPDATE',
      subresource: '',
      actor: { username: manager, groups: [], authenticated: false },
      object: { apiVersion: object.apiVersion, kind: ref.kind, namespace: '', name: ref.name },
      changes: [],
      remedy: 'alert',
    })
  }

  /** Somebody wrote in the name of an identity that the guard trusts: only the audit log knows. */
  posed({ ref, actor, time, deleted, posedAs }: AuditedWrite, policy: Policy): void {
    const { username, groups, authenticated } = actor
    const what = deleted === true ? 'deleted' : 'wrote'
    const reason = `${escapeText(username, 80)} ${what} ${formatRef(ref)} impersonating ${escapeText(posedAs ?? '', 120)}, whom the guard lets pass: see who may impersonate (gitops-guard doctor)`
    const id = violationId(`${username}${refKey(ref)}${time}`)
    this.#logger.warn({ id, user: username, posedAs, object: formatRef(ref) }, 'impersonation')
    this.#send({
      id,
      time: new Date(time).toISOString(),
      event: 'audited',
      verdict: 'allow',
      rule: 'agent-identity',
      reason,
      operation: deleted === true ? 'DELETE' : 'UPDATE',
      subresource: '',
      actor: { username, groups, authenticated },
      object: {
        apiVersion: policy.declared(ref)?.manifest.object.apiVersion ?? ref.group,
        kind: ref.kind,
        namespace: ref.namespace,
        name: ref.name,
      },
      changes: [],
      remedy: 'none',
    })
  }

  #use({ ref }: Change, policy: Policy): void {
    if (isBreakGlass(ref)) return
    for (const open of policy.breakGlass) {
      if (!isInScope(open, ref)) continue
      const key = `${open.namespace}/${open.name}`
      const used = this.#used.get(key) ?? new Map<string, ObjectRef>()
      used.set(refKey(ref), ref)
      this.#used.set(key, used)
      return
    }
  }

  /** Remembers who wrote what, so that the watcher need not guess. */
  #record({ ref, actor, operation, subresource, before, after, time }: Change, policy: Policy): void {
    const declared = policy.declared(ref)
    if (declared === undefined || !actor.authenticated) return
    if (operation === 'DELETE' && subresource === '') {
      this.#ledger.record({ ref, actor, time, changes: [], deleted: true })
    } else if (subresource === 'scale' && after !== undefined) {
      this.#ledger.record({ ref, actor, time, changes: [scaleWrite(after, declared, policy)] })
    } else if (operation !== 'CONNECT' && after !== undefined && after.kind === ref.kind) {
      const old = before === undefined ? undefined : withoutServerMetadata(before)
      const changes = difference(old, withoutServerMetadata(after), declared.shape())
      this.#ledger.record({ ref, actor, time, changes })
    }
  }

  #log(level: 'info' | 'warn' | 'error', { event }: ReconcileEvent, ref: ObjectRef, facts: object): void {
    this.#logger[level]({ event, object: formatRef(ref), ...facts }, event)
  }

  #sendDrift(finding: Finding, outcome: DriftOutcome, rule?: string): void {
    if (outcome.event === 'repaired') this.#troubles.settled(finding.ref)
    else this.#troubles.told(finding, rule)
    const why = reasonOf(finding)
    const facts = { ...finding, id: violationId(finding.id), ...(rule === undefined ? {} : { rule }) }
    this.#send(violationOfDrift(facts, 'why' in outcome ? outcome : { ...outcome, why }))
  }

  /** What is over, or wrong with the guard itself. */
  tell(violation: Violation): void {
    this.#logger.info({ id: violation.id, event: violation.event, rule: violation.rule }, violation.reason)
    this.#send(violation)
  }

  #send(violation: Violation): void {
    this.#metrics.violated(violation.event, violation.source)
    this.#outlet.accept(violation)
  }
}

/** What goes on from here holds no value of a Secret. */
function masked(event: ReconcileEvent): ReconcileEvent {
  if (!('finding' in event)) return event
  const { finding } = event
  return { ...event, finding: { ...finding, changes: maskChanges(finding.ref, finding.changes) } }
}

/** Of the newest entry of managedFields: attribution, no proof. */
function lastWriter(object: KubeObject): { manager: string; time: string } {
  const fields = object.metadata['managedFields']
  const entries = (Array.isArray(fields) ? fields : []).map((entry) => ({
    manager: String(fieldOf(entry, 'manager') ?? ''),
    time: String(fieldOf(entry, 'time') ?? ''),
  }))
  return entries.toSorted((a, b) => b.time.localeCompare(a.time))[0] ?? { manager: '', time: '' }
}
