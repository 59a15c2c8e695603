import type { Change } from '../model/change.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Json } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { formatRef } from '../object/identity.ts'
import { stableStringify } from '../object/json.ts'
import { lineOf } from '../object/line-of.ts'
import { formatPath } from '../object/path.ts'
import { escapeText } from '../object/text.ts'

const verbs = { CREATE: 'create', UPDATE: 'change', DELETE: 'delete', CONNECT: 'connect to' } as const

/** Who asked, harmless to show. */
export function who(change: Change): string {
  return escapeText(change.actor.username, 80) || 'somebody without a name'
}

/** `alice may not change Deployment shop/web`, the subresource named where there is one. */
export function mayNot(change: Change): string {
  const part = change.subresource === '' ? '' : `${escapeText(change.subresource, 40)} of `
  return `${who(change)} may not ${verbs[change.operation]} ${part}${formatRef(change.ref)}`
}

/** `clusters/prod/web.yaml:12@3f2a9c1 in ssh://git.example/shop.git (prod)`: the line of the first field that changes. */
export function place({ manifest, source }: Declared, [first]: readonly FieldChange[] = []): string {
  const { origin } = manifest
  const line = origin.approximate
    ? ''
    : `:${first === undefined ? origin.line : lineOf(manifest, first.path)}`
  const file = escapeText(`${origin.file}${line}`, 160)
  return `${file}@${origin.revision.slice(0, 7)} in ${escapeText(source.repository, 160)} (${escapeText(source.ref, 60)})`
}

/** What to do instead of changing a declared object by hand. */
export function insteadInGit(declared: Declared, changes: readonly FieldChange[] = []): string {
  return `Change ${place(declared, changes)} instead, and the agent brings it in.`
}

/**
 * How to ask for an exception. Empty where none can be opened: exceptions are for objects in a namespace, and never for
 * the guard's.
 */
export function exception(ref: ObjectRef, policy: Policy): string {
  if (ref.namespace === '' || ref.namespace === policy.guard.namespace || ref.name === '') return ''
  const kind = ref.group === '' || builtIn(ref.group) ? ref.kind : `${ref.kind}.${ref.group}`
  const target = escapeText(`${kind.toLowerCase()}/${ref.name}`, 200)
  return ` In an emergency: kubectl guard break-glass -n ${escapeText(ref.namespace, 64)} ${target} --for 30m --reason "..."`
}

const builtIn = (group: string) => !group.includes('.') || group.endsWith('.k8s.io')

/** The changes in a few words: at most three, each with its value where that is short. Give masked changes for Secrets. */
export function summary(changes: readonly FieldChange[], limit = 3): string {
  const told = changes.slice(0, limit).map(tell)
  const more = changes.length - told.length
  return told.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function tell({ path, op, before, after }: FieldChange): string {
  const field = escapeText(formatPath(path) || 'the whole object', 140)
  if (op === 'add') return isScalar(after) ? `${field} added (${shown(after)})` : `${field} added`
  if (op === 'remove') return `${field} removed`
  return isScalar(before) && isScalar(after)
    ? `${field} ${shown(before)} → ${shown(after)}`
    : `${field} changed`
}

const isScalar = (value: Json | undefined) =>
  value !== undefined && (typeof value !== 'object' || value === null)

function shown(value: Json | undefined): string {
  const text = typeof value === 'string' ? value : stableStringify(value)
  return escapeText(text === '' ? '""' : text, 50)
}
