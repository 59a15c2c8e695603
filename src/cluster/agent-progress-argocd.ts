/** What Argo CD says of a source: its Applications. */
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import { commitOf, foldersMeet } from './agent-progress-reading.ts'
import type { AgentReading, FollowedSource, SameRepository } from './agent-progress-reading.ts'

/**
 * Which of an Application's sources is this one: its place in `spec.sources`, 0 for `spec.source`. Undefined for none, and for one
 * that is deployed to another cluster.
 */
export function argocdBringsIn(
  source: FollowedSource,
  application: KubeObject,
  same: SameRepository,
): number | undefined {
  const spec = application['spec']
  if (!isHere(fieldOf(spec, 'destination'))) return undefined
  const list = fieldOf(spec, 'sources')
  const sources = Array.isArray(list) && list.length > 0 ? list : [fieldOf(spec, 'source')]
  const at = sources.findIndex((one) => {
    const url = textOf(one, 'repoURL')
    if (url === '' || textOf(one, 'chart') !== '' || !same(url, source.repository)) return false
    return (
      refMeets(source.ref, textOf(one, 'targetRevision')) && foldersMeet(textOf(one, 'path'), source.path)
    )
  })
  return at === -1 ? undefined : at
}

/**
 * Argo CD writes `status.operationState` before a sync's first write; the commit stands in its operation where Argo CD itself began it
 * (argoproj/argo-cd: controller/appcontroller.go, processRequestedAppOperation and autoSync). A sync by hand may name none until it is
 * over. Between syncs `status.sync` says which commit live was compared with.
 *
 * An Application without `syncPolicy.automated`, or outside its sync windows, is not suspended: somebody syncs it by hand or later,
 * until then the newer commits are pending.
 */
export function argocdReading(application: KubeObject, index: number): AgentReading {
  const status = application['status']
  const newest = revisionAt(fieldOf(status, 'sync'), index)
  const known = newest === undefined ? {} : { newest }
  const told = argocdState(application, index, newest)
  return { ...told, ...known, ...(isSkipped(application) ? { state: 'suspended' as const } : {}) }
}

function argocdState(application: KubeObject, index: number, compared: string | undefined): AgentReading {
  const status = application['status']
  const operation = fieldOf(status, 'operationState')
  const requested = fieldOf(application['operation'], 'sync')
  if (requested !== undefined || fieldOf(operation, 'phase') === 'Running') {
    const begun = fieldOf(fieldOf(operation, 'operation'), 'sync')
    // One that is asked for and not begun has not written yet, but its commit will be the next.
    const revision = revisionAt(requested ?? begun, index)
    return revision === undefined ? { state: 'applying' } : { revision, state: 'applying' }
  }
  const sync = fieldOf(status, 'sync')
  const synced = fieldOf(sync, 'status') === 'Synced'
  const comparedAfter = timeOf(fieldOf(status, 'reconciledAt')) > timeOf(fieldOf(operation, 'finishedAt'))
  if (synced && comparedAfter && compared !== undefined) return { revision: compared, state: 'applied' }
  const brought = revisionAt(fieldOf(operation, 'syncResult'), index)
  if (brought === undefined) return { state: operation === undefined ? 'applying' : 'unknown' }
  const whole = fieldOf(operation, 'phase') === 'Succeeded'
  return { revision: brought, state: whole ? 'applied' : 'applying' }
}

function revisionAt(holder: Json | undefined, index: number): string | undefined {
  const list = fieldOf(holder, 'revisions')
  if (Array.isArray(list) && list.length > 0) return commitOf(list[index])
  return commitOf(fieldOf(holder, 'revision'))
}

function isSkipped(application: KubeObject): boolean {
  const annotations = application.metadata['annotations']
  return fieldOf(annotations, 'argocd.argoproj.io/skip-reconcile') === 'true'
}

function isHere(destination: Json | undefined): boolean {
  const server = textOf(destination, 'server')
  return server === ''
    ? textOf(destination, 'name') === 'in-cluster'
    : /^https:\/\/kubernetes\.default\.svc\b/.test(server)
}

/** `HEAD` and '' are the default branch, whichever that is: taken for the one that is followed. */
function refMeets(ours: FollowedSource['ref'], theirs: string): boolean {
  if ('name' in ours) return ours.name === (theirs || 'HEAD')
  if ('commit' in ours) return theirs === ours.commit
  if ('tag' in ours) return theirs === ours.tag || theirs === `refs/tags/${ours.tag}`
  return ['', 'HEAD', ours.branch, `refs/heads/${ours.branch}`].includes(theirs)
}

function timeOf(value: Json | undefined): number {
  return typeof value === 'string' ? Date.parse(value) : 0
}

function textOf(value: Json | undefined, key: string): string {
  const text = fieldOf(value, key)
  return typeof text === 'string' ? text : ''
}
