import type { ObjectRef } from '../model/identity.ts'
import type { ObjectSelector } from '../model/policy.ts'

/** Whether a text is what a pattern says; `*` stands for any run of characters. Linear in both, whatever they are. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  const parts = pattern.split('*')
  const first = parts[0]!
  const last = parts.at(-1)!
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false
  let from = first.length
  const end = text.length - last.length
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from)
    if (at < 0 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}

/** Whether a selector names an object. Kinds are `group/Kind`, `Kind` for the core group, `group/*`, or `*`. */
export function selects(selector: ObjectSelector, ref: ObjectRef): boolean {
  const { kinds, namespaces, names } = selector
  const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`
  return (
    (kinds === undefined || kinds.some((pattern) => pattern === '*' || matchesPattern(pattern, kind))) &&
    (namespaces === undefined || namespaces.some((pattern) => matchesPattern(pattern, ref.namespace))) &&
    (names === undefined || names.some((pattern) => matchesPattern(pattern, ref.name)))
  )
}
