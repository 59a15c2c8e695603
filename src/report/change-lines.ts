import { diff, type IChange } from 'json-diff-ts'
import type { Json } from '../model/json.ts'
import type { ReportedChange } from '../model/violation.ts'
import { stringifyJson } from '../object/json.ts'
import { formatPath, parsePointer } from '../object/path.ts'
import { escapeText } from '../object/text.ts'

/**
 * Changes for people, a line each: `spec.replicas: 2 → 9`, `+ metadata.labels.owner: alice`, `- data.key: old`. Where a whole
 * list or object was replaced, what differs inside it. At most `most` lines, the last one then counts the rest.
 */
export function changeLines(changes: readonly ReportedChange[], most: number): string[] {
  const lines = changes.slice(0, most * 2).flatMap(linesOf)
  const rest = lines.length - most + Math.max(0, changes.length - most * 2)
  return rest > 0 ? [...lines.slice(0, most), `and ${rest} more`] : lines
}

function linesOf({ path, op, desired, live }: ReportedChange): string[] {
  const place = escapeText(readablePath(path), 300)
  if (op === 'add') return [`+ ${place}: ${short(live)}`]
  if (op === 'remove') return [`- ${place}: ${short(desired)}`]
  const inside = isContainer(desired) && isContainer(live) ? inner(place, desired, live) : []
  return inside.length > 0 ? inside : [`${place}: ${short(desired)} → ${short(live)}`]
}

/** `/spec/containers/0/image` is `spec.containers[0].image`. */
function readablePath(pointer: string): string {
  try {
    const tokens = parsePointer(pointer)
    return formatPath(tokens.map((token) => (/^\d+$/.test(token) ? Number(token) : token))) || 'the object'
  } catch {
    return pointer
  }
}

/** json-diff-ts's tree: its flat paths break at keys with dots. */
function inner(place: string, desired: object, live: object): string[] {
  const lines: string[] = []
  const walk = (path: string, changes: readonly IChange[]) => {
    for (const { type, key, value, oldValue, changes: deeper } of changes) {
      const here = `${path}[${escapeText(key, 100)}]`
      if (deeper !== undefined) walk(here, deeper)
      else if ((type as string) === 'ADD') lines.push(`+ ${here}: ${short(value)}`)
      else if ((type as string) === 'REMOVE') lines.push(`- ${here}: ${short(oldValue)}`)
      else lines.push(`${here}: ${short(oldValue)} → ${short(value)}`)
    }
  }
  walk(place, diff({ '': desired } as Json, { '': live } as Json)[0]?.changes ?? [])
  return lines
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function short(value: unknown): string {
  if (value === undefined) return ''
  return escapeText(typeof value === 'string' ? value : stringifyJson(value), 120)
}
