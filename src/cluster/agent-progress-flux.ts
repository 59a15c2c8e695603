/** What Flux says of a source: its Kustomizations and the GitRepository that each takes from. */
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import { commitOf, foldersMeet } from './agent-progress-reading.ts'
import type { AgentReading, FollowedSource, SameRepository } from './agent-progress-reading.ts'

/**
 * Whether a Kustomization brings this source into this cluster. One that takes from anything but a GitRepository, or applies to another
 * cluster (`spec.kubeConfig`), does not.
 */
export function fluxBringsIn(
  source: FollowedSource,
  kustomization: KubeObject,
  repository: KubeObject | undefined,
  same: SameRepository,
): boolean {
  const spec = kustomization['spec']
  if (repository === undefined || fieldOf(spec, 'kubeConfig') !== undefined) return false
  const url = fieldOf(repository['spec'], 'url')
  if (typeof url !== 'string' || !same(url, source.repository)) return false
  return (
    refMeets(source.ref, fieldOf(repository['spec'], 'ref')) && foldersMeet(textOf(spec, 'path'), source.path)
  )
}

/** `NAMESPACE/NAME` of the GitRepository that a Kustomization takes from; undefined for every other kind of source. */
export function gitRepositoryOf(kustomization: KubeObject): { namespace: string; name: string } | undefined {
  const ref = fieldOf(kustomization['spec'], 'sourceRef')
  if (fieldOf(ref, 'kind') !== 'GitRepository') return undefined
  const namespace = textOf(ref, 'namespace') || String(kustomization.metadata.namespace ?? '')
  return { namespace, name: textOf(ref, 'name') }
}

/**
 * Flux writes `lastAttemptedRevision` before it applies and prunes, and `lastAppliedRevision` after all is healthy
 * (fluxcd/kustomize-controller: internal/controller/kustomization_controller.go, reconcile).
 */
export function fluxReading(kustomization: KubeObject, repository: KubeObject | undefined): AgentReading {
  const status = kustomization['status']
  const revision = commitOf(fieldOf(status, 'lastAttemptedRevision'))
  const applied = commitOf(fieldOf(status, 'lastAppliedRevision'))
  const newest = commitOf(fieldOf(fieldOf(repository?.['status'], 'artifact'), 'revision'))
  const suspended = isTrue(kustomization) || (repository !== undefined && isTrue(repository))
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(newest === undefined ? {} : { newest }),
    state: suspended ? 'suspended' : revision !== undefined && applied === revision ? 'applied' : 'applying',
  }
}

function isTrue(object: KubeObject): boolean {
  return fieldOf(object['spec'], 'suspend') === true
}

/** `ref.name` wins over commit, commit over semver, tag and branch; without any it is the branch master. */
function refMeets(ours: FollowedSource['ref'], theirs: Json | undefined): boolean {
  const name = textOf(theirs, 'name')
  if ('name' in ours) return name === ours.name
  if (name !== '') {
    if ('branch' in ours) return name === `refs/heads/${ours.branch}`
    return 'tag' in ours && name === `refs/tags/${ours.tag}`
  }
  const commit = textOf(theirs, 'commit')
  if (commit !== '') return 'commit' in ours && ours.commit === commit
  // A range of versions: which tag it is, its commit says.
  if (textOf(theirs, 'semver') !== '') return 'tag' in ours
  const tag = textOf(theirs, 'tag')
  if (tag !== '') return 'tag' in ours && ours.tag === tag
  return 'branch' in ours && ours.branch === (textOf(theirs, 'branch') || 'master')
}

function textOf(value: Json | undefined, key: string): string {
  const text = fieldOf(value, key)
  return typeof text === 'string' ? text : ''
}
