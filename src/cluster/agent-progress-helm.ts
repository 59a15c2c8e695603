/** What Flux says of a release: its HelmRelease, the HelmChart that it is made from, and the GitRepository of that. */
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import { commitOf } from './agent-progress-reading.ts'
import type { AgentReading } from './agent-progress-reading.ts'

/**
 * helm-controller writes the chart's version to `lastAttemptedRevision` before Helm does anything, and the newest release to `history` when it
 * is done (fluxcd/helm-controller: internal/controller/helmrelease_controller.go, internal/reconcile/atomic_release.go). Which commit the version is
 * of, source-controller says on the HelmChart.
 */
export function helmReading(
  release: KubeObject,
  chart: KubeObject | undefined,
  repository: KubeObject | undefined,
): AgentReading {
  const status = release['status']
  const attempted = textOf(status, 'lastAttemptedRevision')
  const packed = chart?.['status']
  const isPacked = attempted !== '' && textOf(fieldOf(packed, 'artifact'), 'revision') === attempted
  const revision = isPacked ? commitOf(fieldOf(packed, 'observedSourceArtifactRevision')) : undefined
  const newest = commitOf(fieldOf(fieldOf(repository?.['status'], 'artifact'), 'revision'))
  const isSuspended = [release, repository].some((one) => fieldOf(one?.['spec'], 'suspend') === true)
  const history = fieldOf(status, 'history')
  const last = Array.isArray(history) ? history[0] : undefined
  const isReleased =
    textOf(last, 'chartVersion') === attempted && textOf(last, 'status') === 'deployed' && !isAtWork(release)
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(newest === undefined ? {} : { newest }),
    state: isSuspended ? 'suspended' : isReleased ? 'applied' : 'applying',
  }
}

/** Helm acts on it now, or will in a moment: what differs may be its doing. */
export function isAtWork(release: KubeObject): boolean {
  const { spec, status, metadata } = release
  if (fieldOf(spec, 'suspend') === true || isTrue(status, 'Stalled')) return false
  const generation = fieldOf(metadata, 'generation')
  return (
    isTrue(status, 'Reconciling') ||
    (generation !== undefined && fieldOf(status, 'observedGeneration') !== generation)
  )
}

function isTrue(status: Json | undefined, type: string): boolean {
  const conditions = fieldOf(status, 'conditions')
  return (
    Array.isArray(conditions) &&
    conditions.some((one) => fieldOf(one, 'type') === type && fieldOf(one, 'status') === 'True')
  )
}

/** `NAMESPACE/NAME` of the HelmChart that a HelmRelease is made from; undefined where it is made from anything else. */
export function helmChartOf({ metadata, spec }: KubeObject): { namespace: string; name: string } | undefined {
  const namespace = textOf(metadata, 'namespace')
  const reference = fieldOf(spec, 'chartRef')
  if (reference !== undefined)
    return textOf(reference, 'kind') === 'HelmChart'
      ? { namespace: textOf(reference, 'namespace') || namespace, name: textOf(reference, 'name') }
      : undefined
  const from = fieldOf(fieldOf(fieldOf(spec, 'chart'), 'spec'), 'sourceRef')
  if (from === undefined) return undefined
  return {
    namespace: textOf(from, 'namespace') || namespace,
    name: `${namespace}-${textOf(metadata, 'name')}`,
  }
}

function textOf(value: Json | undefined, key: string): string {
  const text = fieldOf(value, key)
  return typeof text === 'string' ? text : ''
}
