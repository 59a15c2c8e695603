import type { Condition } from '../telemetry/condition.ts'
import { formatSupport, type ServerSupport } from '../doctor/server-support.ts'
import { formatRef } from '../object/identity.ts'
import type { Core } from './core.ts'

/** A watch that may have missed changes for so long is told, in milliseconds. */
const STALE_MS = 30_000

export interface Surroundings {
  registered: boolean
  /** Of the guard's own objects, by object. */
  refusals: ReadonlyMap<string, string>
  /** Why the API server was not reached at the last try. */
  unreached: string | undefined
  /** Why the configuration file cannot be used. */
  invalid: string | undefined
  /** Of a new configuration that is not in force yet. */
  upcoming: Core | undefined
  /** Of the API server. */
  server: { version: string; support: ServerSupport }
}

/** What `/readyz` tells: whether Git was read and the webhook stands, and everything that is not as it should be. */
export function conditionsOf(
  core: Core | undefined,
  { registered, refusals, unreached, invalid, upcoming, server }: Surroundings,
): Condition[] {
  if (core === undefined)
    return [{ name: 'cluster', ok: false, required: true, reason: unreached ?? 'not reached yet' }]
  const conditions: Condition[] = [
    { name: 'git', ok: core.complete, required: true, reason: 'not every source was read yet' },
    { name: 'webhook', ok: registered, required: true, reason: 'not registered yet' },
    ...registration(refusals),
    ...configuration(invalid, upcoming),
    ...kubernetes(server),
  ]
  for (const [source, { lastError, revision, since }] of core.sourceStatuses()) {
    const reason =
      lastError === undefined ? undefined : `${lastError.message} (since ${new Date(since).toISOString()})`
    conditions.push({
      name: `git/${source}`,
      ok: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    })
    const problems = core.stateOf(source)?.problems ?? []
    if (problems.length === 0 || revision === undefined) continue
    const [first] = problems
    const more = problems.length > 1 ? ` and ${problems.length - 1} more` : ''
    conditions.push({
      name: `manifests/${source}`,
      ok: false,
      reason: `${first!.file}:${first!.line}: ${first!.message}${more}`,
    })
  }
  for (const { source, message } of core.discoveryProblems)
    conditions.push({ name: `discover/${source}`, ok: false, reason: message })
  for (const [source, { state, failing, pruning, unready }] of core.syncReports()) {
    const [first] = [...failing, ...pruning, ...unready]
    const more = failing.length + pruning.length + unready.length - 1
    const ok = state !== 'failing' || first === undefined
    const reason = ok ? '' : `${formatRef(first.ref)}: ${first.why}${more > 0 ? ` and ${more} more` : ''}`
    conditions.push({ name: `sync/${source}`, ok, ...(ok ? {} : { reason }) })
  }
  for (const { group, kind, phase, staleForMs, lastError } of core.watches.states()) {
    const ok = phase === 'absent' || staleForMs < STALE_MS
    conditions.push({
      name: `watch/${group === '' ? kind : `${group}/${kind}`}`,
      ok,
      ...(ok
        ? {}
        : { reason: `nothing seen for ${Math.round(staleForMs / 1000)} s: ${lastError?.message ?? phase}` }),
    })
  }
  for (const kind of core.watches.absent) {
    conditions.push({
      name: `kind/${kind}`,
      ok: false,
      reason: 'Git declares it, the API server does not serve it',
    })
  }
  return conditions
}

/** Nothing where there is nothing to say. */
function kubernetes({ version, support }: Surroundings['server']): Condition[] {
  if (support.lacks.length === 0 && support.tried !== 'newer') return []
  const said = formatSupport(version, support)
  return [
    {
      name: 'kubernetes',
      ...(support.tried === 'older' ? { ok: false, reason: said } : { ok: true, note: said }),
    },
  ]
}

/** Webhooks are never asked about the guard's webhook configuration, but policies of others are. */
function registration(refusals: ReadonlyMap<string, string>): Condition[] {
  const [first] = refusals
  if (first === undefined) return []
  const [what, why] = first
  const more = refusals.size > 1 ? ` (and ${refusals.size - 1} more)` : ''
  const reason = `the guard cannot put back its own ${what}${more}: ${oneLine(why)}. Unless you mean this, delete the policy or binding that this names, and look for who made it`
  return [{ name: 'registration', ok: false, urgent: true, reason }]
}

function configuration(invalid: string | undefined, upcoming: Core | undefined): Condition[] {
  if (invalid !== undefined)
    return [
      { name: 'config', ok: false, reason: `invalid, the last good one stays in force: ${oneLine(invalid)}` },
    ]
  if (upcoming === undefined) return [{ name: 'config', ok: true }]
  const unread = [...upcoming.sourceStatuses()].filter(([name]) => upcoming.stateOf(name) === undefined)
  const told = unread.map(([name, { lastError }]) => `${name} (${lastError?.message ?? 'not read yet'})`)
  return [
    {
      name: 'config',
      ok: false,
      reason: `the new one waits, the one before stays in force: ${oneLine(told.join(', '))}`,
    },
  ]
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, '; ')
}
