import type { ObjectRef } from '../model/identity.ts'
import type { ObjectSelector } from '../model/policy.ts'
import { compilePattern, matches } from './pattern.ts'

/** Whether a text is what a pattern says; `*` stands for any run of characters. Linear in both, whatever they are. */
export function matchesPattern(pattern: string, text: string): boolean {
  return matches(compilePattern(pattern), text)
}

/** Whether a selector names an object. Kinds are `group/Kind`, `Kind` for the core group, `group/*`, or `*`. */
export function selects(selector: ObjectSelector, ref: ObjectRef): boolean {
  const { kinds, namespaces, names } = selector
  return (
    (kinds === undefined || kinds.some((pattern) => selectsKind(pattern, ref))) &&
    (namespaces === undefined || namespaces.some((pattern) => matchesPattern(pattern, ref.namespace))) &&
    (names === undefined || names.some((pattern) => matchesPattern(pattern, ref.name)))
  )
}

/** Group and kind are matched apart: `*Set` names kinds of the core group, not those of any group. */
function selectsKind(pattern: string, { group, kind }: ObjectRef): boolean {
  if (pattern === '*') return true
  const slash = pattern.lastIndexOf('/')
  return (
    matchesPattern(pattern.slice(0, Math.max(slash, 0)), group) &&
    matchesPattern(pattern.slice(slash + 1), kind)
  )
}
