import { diff, type IChange } from 'json-diff-ts'
import type { Json } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import { isObject } from '../object/json.ts'
import { formatPath } from '../object/path.ts'
import { escapeText } from '../object/text.ts'

/**
 * The changes for people, a line each: `spec.replicas: 2 → 9`, `+ metadata.labels.owner: alice`. Where a whole list was
 * replaced, what differs inside it.
 */
export function readableChanges(changes: readonly FieldChange[], most = 20): string[] {
  const all = changes.flatMap(({ path, op, before, after }) => {
    const place = escapeText(formatPath(path), 300)
    if (op === 'add') return [`+ ${place}: ${short(after)}`]
    if (op === 'remove') return [`- ${place}: ${short(before)}`]
    const inside = isContainer(before) && isContainer(after) ? insideOf(place, before, after) : []
    return inside.length > 0 ? inside : [`${place}: ${short(before)} → ${short(after)}`]
  })
  const rest = all.length - most
  return rest > 0 ? [...all.slice(0, most), `and ${rest} more`] : all
}

function isContainer(value: Json | undefined): value is Json[] | { [key: string]: Json } {
  return typeof value === 'object' && value !== null
}

/** The differences inside a value, by json-diff-ts: its tree, as its flat paths break at keys with dots. */
function insideOf(place: string, before: Json, after: Json): string[] {
  const lines: string[] = []
  const walk = (path: string, changes: readonly IChange[]) => {
    for (const { type, key, value, oldValue, changes: inner } of changes) {
      const here = `${path}[${escapeText(key, 100)}]`
      if (inner !== undefined) walk(here, inner)
      else if ((type as string) === 'ADD') lines.push(`+ ${here}: ${short(value as Json)}`)
      else if ((type as string) === 'REMOVE') lines.push(`- ${here}: ${short(value as Json)}`)
      else lines.push(`${here}: ${short(oldValue as Json)} → ${short(value as Json)}`)
    }
  }
  walk(place, diff({ '': before }, { '': after })[0]?.changes ?? [])
  return lines
}

function short(value: Json | undefined): string {
  if (value === undefined) return ''
  if (isObject(value) || Array.isArray(value)) {
    const text = JSON.stringify(value, (_, item: unknown) =>
      typeof item === 'bigint' ? item.toString() : item,
    )
    return escapeText(text, 120)
  }
  return escapeText(String(value), 120)
}
