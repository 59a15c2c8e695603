import type { Request, Response } from 'express'
import { once } from 'node:events'
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { stringifyJson } from '../object/json.ts'
import { VIOLATION_EVENTS, type ViolationFilter } from '../report/violation-filter.ts'

export interface ViolationReader {
  read(filter: ViolationFilter): AsyncIterable<Violation>
}

const LIMIT = 500
const MOST = 10_000

/**
 * `GET /violations?since=&source=&namespace=&user=&event=&kind=&name=&limit=`: `{"violations": [...], "truncated": bool}`, newest first,
 * each as the `webhook` provider sends it. It is written as it is read, so that many cost no memory.
 */
export async function answerViolations(reader: ViolationReader, request: Request, response: Response) {
  const asked = readQuery(request.query as Record<string, unknown>)
  if (typeof asked === 'string') return void response.status(400).type('text').send(`${asked}\n`)
  response.type('json').set('Cache-Control', 'no-store')
  let count = 0
  let truncated = false
  response.write('{"violations":[')
  for await (const violation of reader.read(asked.filter)) {
    if (count === asked.limit) {
      truncated = true
      break
    }
    const flows = response.write(`${count++ === 0 ? '' : ','}${stringifyJson(violation)}`)
    if (response.destroyed) return
    if (!flows) await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
  response.end(`],"truncated":${truncated}}\n`)
}

/** A text says what is wrong with the query. */
export function readQuery(
  query: Readonly<Record<string, unknown>>,
): { filter: ViolationFilter; limit: number } | string {
  const text = (name: string) => {
    const value = query[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const since = text('since')
  const from = since === undefined ? undefined : Date.parse(since)
  if (from !== undefined && Number.isNaN(from))
    return 'since must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z'
  const event = text('event')?.split(',')
  const wrong = event?.find((name) => !VIOLATION_EVENTS.includes(name as ViolationEvent))
  if (wrong !== undefined) return `event must be some of ${VIOLATION_EVENTS.join(', ')}`
  const limit = Number(text('limit') ?? LIMIT)
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST) return `limit must be 1 to ${MOST}`
  const named = ['source', 'namespace', 'user', 'kind', 'name'] as const
  const filter: ViolationFilter = {}
  for (const name of named) {
    const value = text(name)
    if (value !== undefined) filter[name] = value
  }
  if (from !== undefined) filter.since = from
  if (event !== undefined) filter.events = event as ViolationEvent[]
  return { filter, limit }
}
