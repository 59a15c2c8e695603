import type { Canonical, DesiredState, Manifest } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Shape } from '../model/path.ts'
import type { Declared, Policy, SourcePolicy } from '../model/policy.ts'
import { refKey } from '../object/identity.ts'

/** A source with what it renders to now: nothing until its first commit was read. */
export interface LoadedSource {
  policy: SourcePolicy
  /** Namespace that the source is for, where the configuration names one. */
  namespace?: string
  state?: DesiredState
}

/** What the API server was asked about a manifest; both from memory. */
export interface Forms {
  canonical(manifest: Manifest): Canonical | undefined
  shape(manifest: Manifest): Shape | undefined
}

/** The lookups of a policy that come from Git: everything else is configuration. */
export type DesiredIndex = Pick<
  Policy,
  'declared' | 'declaredIn' | 'declaredOf' | 'declaresGroup' | 'sources' | 'sourcesOf'
> & {
  /** Every declared object, in the order of the sources. */
  all(): Iterable<Declared>
  /** How many there are. */
  size: number
  /** Namespaces that hold declared objects, are declared themselves, or that a source is for. */
  namespaces(): ReadonlySet<string>
}

class DeclaredObject implements Declared {
  readonly manifest: Manifest
  readonly source: SourcePolicy
  readonly #forms: Forms
  constructor(manifest: Manifest, source: SourcePolicy, forms: Forms) {
    this.manifest = manifest
    this.source = source
    this.#forms = forms
  }
  canonical(): Canonical | undefined {
    return this.#forms.canonical(this.manifest)
  }
  shape(): Shape | undefined {
    return this.#forms.shape(this.manifest)
  }
}

/**
 * Indexes what the sources declare. Where two sources declare one object, the first in the configuration holds it.
 */
export function indexDesired(sources: readonly LoadedSource[], forms: Forms): DesiredIndex {
  const byKey = new Map<string, Declared>()
  const byNamespace = new Map<string, Declared[]>()
  const byKind = new Map<string, Declared[]>()
  const groups = new Set<string>()
  const owners = new Map<string, Set<SourcePolicy>>()
  const own = (namespace: string, source: SourcePolicy) => {
    if (namespace !== '') group(owners, namespace, () => new Set<SourcePolicy>()).add(source)
  }
  for (const { policy, namespace, state } of sources) {
    if (namespace !== undefined) own(namespace, policy)
    for (const manifest of state?.manifests ?? []) {
      const { ref } = manifest
      const key = refKey(ref)
      if (byKey.has(key)) continue
      const declared = new DeclaredObject(manifest, policy, forms)
      byKey.set(key, declared)
      group(byNamespace, ref.namespace, () => []).push(declared)
      group(byKind, `${ref.group}/${ref.kind}`, () => []).push(declared)
      groups.add(ref.group)
      own(ref.group === '' && ref.kind === 'Namespace' ? ref.name : ref.namespace, policy)
    }
  }
  const sourcesOf = new Map([...owners].map(([namespace, set]) => [namespace, [...set]]))
  const namespaces = new Set(owners.keys())
  return {
    size: byKey.size,
    all: () => byKey.values(),
    namespaces: () => namespaces,
    declared: (ref: ObjectRef) => byKey.get(refKey(ref)),
    declaredIn: (namespace) => byNamespace.get(namespace) ?? [],
    declaredOf: (apiGroup, kind) => byKind.get(`${apiGroup}/${kind}`) ?? [],
    declaresGroup: (apiGroup) => groups.has(apiGroup),
    sources: sources.map(({ policy }) => policy),
    sourcesOf: (namespace) => sourcesOf.get(namespace) ?? [],
  }
}

function group<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}
