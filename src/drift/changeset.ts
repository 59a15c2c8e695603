import type { Json } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { ReportedChange } from '../model/violation.ts'
import { isObject } from '../object/json.ts'
import { formatPath, formatPointer } from '../object/path.ts'
import { escapeText } from '../object/text.ts'

/** The changes as scripts read them: path a JSON Pointer, `desired` Git's value, `live` the cluster's. */
export function reportedChanges(changes: readonly FieldChange[]): ReportedChange[] {
  return changes.map(({ path, op, before, after }) => ({
    path: formatPointer(path),
    op,
    ...(before === undefined ? {} : { desired: before }),
    ...(after === undefined ? {} : { live: after }),
  }))
}

/** A line a change for people: `spec.replicas: 2 → 9`, `+ metadata.labels.owner: alice`. */
export function readableChanges(changes: readonly FieldChange[], most = 20): string[] {
  const lines = changes.slice(0, most).map(({ path, op, before, after }) => {
    const place = escapeText(formatPath(path), 300)
    if (op === 'add') return `+ ${place}: ${short(after)}`
    if (op === 'remove') return `- ${place}: ${short(before)}`
    return `${place}: ${short(before)} → ${short(after)}`
  })
  const rest = changes.length - most
  return rest > 0 ? [...lines, `and ${rest} more`] : lines
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
