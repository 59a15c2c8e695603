import { join } from 'node:path'
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { parseDuration } from '../config/duration.ts'
import { formatRef, groupOf } from '../object/identity.ts'
import { fieldOf, stringifyJson } from '../object/json.ts'
import { escapeText } from '../object/text.ts'
import { changeLines } from '../report/change-lines.ts'
import { readHistory } from '../report/read-history.ts'
import { matchesFilter, VIOLATION_EVENTS, type ViolationFilter } from '../report/violation-filter.ts'
import { askGuards, type HttpOptions } from './guard-http.ts'

export interface ViolationsOptions extends Omit<HttpOptions, 'output' | 'source'> {
  output: 'text' | 'wide' | 'json'
  since: string
  limit: string
  stateDir?: string
  source?: string
  namespace?: string
  user?: string
  event?: string[]
}

/** `gitops-guard violations`: what was refused, let through or found in the time before, newest last. */
export async function violations(object: string | undefined, options: ViolationsOptions): Promise<number> {
  const filter = filterOf(object, options)
  const limit = limitOf(options.limit)
  const { found, truncated } =
    options.stateDir === undefined
      ? await fromGuards(filter, limit, options)
      : await fromFolder(join(options.stateDir, 'history'), filter, limit)
  if (options.output === 'json') {
    console.log(stringifyJson({ violations: found, truncated }))
    return 0
  }
  if (found.length === 0) console.log(`nothing in the last ${options.since}`)
  else for (const line of table(found.toReversed(), options.output === 'wide')) console.log(line)
  if (truncated) console.error(`older ones are left out: --limit ${limit}`)
  return 0
}

interface Found {
  /** Newest first. */
  found: Violation[]
  truncated: boolean
}

async function fromFolder(directory: string, filter: ViolationFilter, limit: number): Promise<Found> {
  const found: Violation[] = []
  for await (const violation of readHistory(directory, filter.since)) {
    if (!matchesFilter(violation, filter)) continue
    if (found.length === limit) return { found, truncated: true }
    found.push(violation)
  }
  return { found, truncated: false }
}

async function fromGuards(
  filter: ViolationFilter,
  limit: number,
  options: ViolationsOptions,
): Promise<Found> {
  const { since, events, ...named } = filter
  const query = new URLSearchParams({ ...named, limit: String(limit) })
  if (since !== undefined) query.set('since', new Date(since).toISOString())
  if (events !== undefined) query.set('event', events.join(','))
  const { config, url, kubeconfig, context, tokenFile } = options
  const way = {
    config,
    output: 'json' as const,
    ...(url === undefined ? {} : { url }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
  }
  const answers = await askGuards(`/violations?${query.toString()}`, way, { secret: true })
  const byId = new Map<string, Violation>()
  for (const answer of answers) {
    const list = fieldOf(answer, 'violations')
    if (!Array.isArray(list)) throw new Error('what answered is no guard of this version')
    for (const violation of list as unknown as Violation[]) byId.set(violation.id, violation)
  }
  const all = [...byId.values()].toSorted((a, b) => b.time.localeCompare(a.time))
  const more = answers.some((answer) => fieldOf(answer, 'truncated') === true)
  return { found: all.slice(0, limit), truncated: more || all.length > limit }
}

function filterOf(object: string | undefined, options: ViolationsOptions): ViolationFilter {
  const ms = parseDuration(options.since)
  if (ms === undefined) throw new Error(`--since is a duration such as 30m, 1h or 7d: not ${options.since}`)
  const filter: ViolationFilter = { since: Date.now() - ms }
  const { source, namespace, user, event } = options
  if (source !== undefined) filter.source = source
  if (namespace !== undefined) filter.namespace = namespace
  if (user !== undefined) filter.user = user
  if (event !== undefined) filter.events = event.map(eventOf)
  if (object === undefined) return filter
  const [kind = '', name = '', ...rest] = object.split('/')
  if (kind === '' || name === '' || rest.length > 0)
    throw new Error(`name an object as kind/name, such as deploy/web: not ${object}`)
  return { ...filter, kind, name }
}

function eventOf(name: string): ViolationEvent {
  if (VIOLATION_EVENTS.includes(name as ViolationEvent)) return name as ViolationEvent
  throw new Error(`--event is one of ${VIOLATION_EVENTS.join(', ')}: not ${name}`)
}

function limitOf(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit
  throw new Error(`--limit is a number from 1 to 10000: not ${text}`)
}

const HEAD = ['TIME', 'EVENT', 'USER', 'OBJECT', 'CHANGE']
const WIDE = ['RULE', 'SOURCE', 'GIT', 'ID']

/** Columns as wide as what is in them; the last is not filled up. */
function table(list: readonly Violation[], wide: boolean): string[] {
  const rows = [wide ? [...HEAD.slice(0, 4), ...WIDE, 'CHANGE'] : HEAD, ...list.map((one) => row(one, wide))]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)))
  return rows.map((cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  )
}

function row(violation: Violation, wide: boolean): string[] {
  const { time, event, actor, object, rule, source, origin, id, changes, reason } = violation
  const { apiVersion, ...named } = object
  const sure = actor.authenticated || actor.username === '' ? '' : '?'
  const lines = changeLines(changes, wide ? 8 : 2)
  const what =
    lines.length > 0 ? lines.join('; ') : `${violation.operation.toLowerCase()}${suffix(violation)}`
  const first = [
    time.replace('T', ' ').replace(/\.\d+Z$/, 'Z'),
    event,
    `${escapeText(actor.username || 'unknown', 60)}${sure}`,
    formatRef({ group: groupOf(apiVersion), ...named }),
  ]
  if (!wide) return [...first, escapeText(what, 160)]
  const place = origin === undefined ? '' : `${origin.file}:${origin.line}@${origin.revision.slice(0, 7)}`
  const more = [rule, source ?? '', place, id].map((text) => escapeText(text, 120))
  return [...first, ...more, escapeText(`${what} (${reason})`, 1000)]
}

function suffix({ subresource }: Violation): string {
  return subresource === '' ? '' : ` ${subresource}`
}
