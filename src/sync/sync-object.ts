import type { Manifest } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import { refKey } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { stageOf } from './stage.ts'
import type { Stage } from './stage.ts'

/** Never deleted when Git drops it. Read from Git, never from the cluster: nobody sets it by hand. */
export const PRUNE_ANNOTATION = 'gitops-guard.dev/prune'

/** A declared object, as applying needs it. */
export interface SyncObject {
  /** As `refKey` makes it. */
  key: string
  ref: ObjectRef
  /** Of its manifest. */
  hash: string
  stage: Stage
  /** Objects of this source that must be there before it, by key: its Namespace, the definition of its kind. */
  needs: readonly string[]
  /** It stays when Git drops it. */
  keep: boolean
}

/** What a source declares, with what each of its objects needs of the others. */
export function syncObjects(manifests: readonly Manifest[]): SyncObject[] {
  const namespaces = new Map<string, string>()
  const definitions = new Map<string, string>()
  for (const { ref, object } of manifests) {
    const key = refKey(ref)
    if (ref.group === '' && ref.kind === 'Namespace') namespaces.set(ref.name, key)
    if (ref.group === 'apiextensions.k8s.io' && ref.kind === 'CustomResourceDefinition') {
      const spec = object['spec']
      const names = fieldOf(spec, 'names')
      definitions.set(`${String(fieldOf(spec, 'group'))}/${String(fieldOf(names, 'kind'))}`, key)
    }
  }
  return manifests.map(({ ref, object, hash }) => {
    const needs = [namespaces.get(ref.namespace), definitions.get(`${ref.group}/${ref.kind}`)]
    return {
      key: refKey(ref),
      ref,
      hash,
      stage: stageOf(ref),
      needs: needs.filter((key) => key !== undefined),
      keep: fieldOf(object.metadata['annotations'], PRUNE_ANNOTATION) === 'disabled',
    }
  })
}
