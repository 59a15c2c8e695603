import type { Manifest } from '../model/desired.ts'
import type { ResourceInfo } from '../model/identity.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import type { Guarded, GuardedResource } from './install-rights.ts'

/** A source with what it declares now. */
export interface DeclaringSource {
  undeclared: 'allow' | 'warn' | 'deny'
  /** Immutable fields: delete and create again. */
  recreate: boolean
  /** The guard is its agent, and deletes what Git drops. */
  sync: boolean
  manifests: readonly Manifest[]
}

/** What discovery knows of kinds. */
interface Kinds {
  resourceFor(group: string, kind: string): ResourceInfo | undefined
  resources(): ResourceInfo[]
}

/**
 * The rights that these sources need. A kind whose CRD Git declares but the cluster has not yet is taken from the CRD; one that
 * neither knows is in `unknown` (`group/Kind`), and has no rights until the guard is installed again.
 */
export function guardedOf(
  sources: readonly DeclaringSource[],
  kinds: Kinds,
): { guarded: Guarded; unknown: string[] } {
  const coming = customKinds(sources)
  const resources: GuardedResource[] = []
  const unknown = new Set<string>()
  for (const { manifests, recreate, sync } of sources) {
    for (const { ref } of manifests) {
      const resource =
        kinds.resourceFor(ref.group, ref.kind)?.resource ?? coming.get(`${ref.group}/${ref.kind}`)
      if (resource === undefined) unknown.add(`${ref.group}/${ref.kind}`)
      else resources.push({ group: ref.group, resource, recreate: recreate || sync })
    }
  }
  const strict = sources.filter(({ undeclared }) => undeclared !== 'allow')
  const seen = kinds
    .resources()
    .filter(({ verbs, namespaced }) => namespaced && verbs.includes('list') && verbs.includes('watch'))
  return {
    guarded: {
      resources,
      ...(strict.length === 0
        ? {}
        : {
            undeclared: { resources: seen, remove: strict.some(({ undeclared }) => undeclared === 'deny') },
          }),
    },
    unknown: [...unknown].toSorted(),
  }
}

/** `group/Kind` → plural, of the CRDs that Git declares. */
function customKinds(sources: readonly DeclaringSource[]): Map<string, string> {
  const kinds = new Map<string, string>()
  for (const { object } of sources.flatMap(({ manifests }) => manifests)) {
    if (object.kind !== 'CustomResourceDefinition' || groupOf(object.apiVersion) !== 'apiextensions.k8s.io')
      continue
    const names = fieldOf(object['spec'], 'names')
    const [group, kind, plural] = [
      fieldOf(object['spec'], 'group'),
      fieldOf(names, 'kind'),
      fieldOf(names, 'plural'),
    ]
    if (typeof plural === 'string') kinds.set(`${String(group)}/${String(kind)}`, plural)
  }
  return kinds
}
