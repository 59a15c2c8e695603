import type { ObjectRef } from '../model/identity.ts'
import type { Json } from '../model/json.ts'
import type { Allowance, NamedBy, Policy } from '../model/policy.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { getAt, parsePointer } from '../object/path.ts'
import { selects } from '../object/selectors.ts'

/** Whether an allowance is for an object: by its selector, the source that declares it, and what Git names. */
export function isFor({ objects, source, namedBy }: Allowance, ref: ObjectRef, policy: Policy): boolean {
  return (
    selects(objects, ref) &&
    (source === undefined || policy.declared(ref)?.source.name === source) &&
    (namedBy === undefined || isNamed(ref, namedBy, policy))
  )
}

const indexes = new WeakMap<Policy, Map<NamedBy, ReadonlySet<string>>>()

/** Whether an object that Git declares names this one. Looked up in memory: once for each commit and place. */
function isNamed(ref: ObjectRef, namedBy: NamedBy, policy: Policy): boolean {
  let index = indexes.get(policy)
  if (index === undefined) indexes.set(policy, (index = new Map()))
  let names = index.get(namedBy)
  if (names === undefined) index.set(namedBy, (names = namesOf(namedBy, policy)))
  const { group, kind, namespace, name } = ref
  return [
    nameKey(namespace, name),
    nameKey(namespace, name, kind),
    nameKey(namespace, name, kind, group),
  ].some((key) => names.has(key))
}

function namesOf({ kind: pattern, at }: NamedBy, policy: Policy): Set<string> {
  const names = new Set<string>()
  const [kind = '', group = ''] = pattern.split('/').toReversed()
  const paths = at.map(parsePointer)
  for (const { manifest } of policy.declaredOf(group, kind)) {
    for (const path of paths) {
      const key = keyOf(getAt(manifest.object, path), manifest.ref.namespace)
      if (key !== undefined) names.add(key)
    }
  }
  return names
}

/** A name stands for whatever kind the allowance selects; a reference for the one that it says. */
function keyOf(value: Json | undefined, namespace: string): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : nameKey(namespace, value)
  const [name, kind, version] = ['name', 'kind', 'apiVersion'].map((field) => fieldOf(value, field))
  if (typeof name !== 'string' || typeof kind !== 'string') return undefined
  return nameKey(namespace, name, kind, ...(typeof version === 'string' ? [groupOf(version)] : []))
}

function nameKey(namespace: string, name: string, kind = '', group = '*'): string {
  return JSON.stringify([namespace, name, kind, group])
}
