/** Which chart a Flux HelmRelease is a release of (fluxcd/helm-controller v1.6.3: internal/reconcile/helmchart_template.go). */
import type { Json, KubeObject } from '../model/json.ts'
import type { AgentFacts } from './discovered.ts'
import { at, isTrue, nameOf, textAt, textsAt } from './reading.ts'

export interface FluxChart {
  /** From the root of its repository. */
  path: string
  /** Of the GitRepository. */
  repository: { namespace: string; name: string }
  /** In place of the chart's own, from the root of the repository. */
  valuesFiles: readonly string[]
  ignoreMissing: boolean
  /** A commit makes a release even where the chart's version stays. */
  everyCommit: boolean
  /** Undefined where Flux has not made it yet. */
  chart: KubeObject | undefined
}

/** A text says why it cannot be read here. */
export function fluxChart(release: KubeObject, facts: AgentFacts): FluxChart | string {
  const { spec } = release
  const { namespace, name } = nameOf(release)
  const reference = at(spec, 'chartRef')
  if (reference !== undefined) {
    const kind = textAt(reference, 'kind')
    const where = { namespace: textAt(reference, 'namespace') || namespace, name: textAt(reference, 'name') }
    if (kind !== 'HelmChart') return notGit(kind, where)
    const chart = facts.find('HelmChart', where.namespace, where.name)
    if (chart === undefined) return `HelmChart ${where.namespace}/${where.name} does not exist`
    return chartOf(chart['spec'], where.namespace, chart)
  }
  const template = at(spec, 'chart', 'spec')
  const home = textAt(template, 'sourceRef', 'namespace') || namespace
  return chartOf(template, home, facts.find('HelmChart', home, `${namespace}-${name}`))
}

function chartOf(
  spec: Json | undefined,
  namespace: string,
  chart: KubeObject | undefined,
): FluxChart | string {
  const kind = textAt(spec, 'sourceRef', 'kind')
  const repository = { namespace, name: textAt(spec, 'sourceRef', 'name') }
  if (kind !== 'GitRepository') return notGit(kind, repository)
  const path = textAt(spec, 'chart')
  if (path.endsWith('.tgz')) return `takes chart ${path}, an archive: only a folder can be read here`
  const files = textsAt(spec, 'valuesFiles')
  // The one that a chart has anyway is none, for Flux.
  const isOwn = files.length === 1 && files[0]!.replace(/^(\.?\/)+/, '') === 'values.yaml'
  return {
    path,
    repository,
    valuesFiles: isOwn ? [] : files,
    ignoreMissing: isTrue(spec, 'ignoreMissingValuesFiles'),
    everyCommit: textAt(spec, 'reconcileStrategy') === 'Revision',
    chart,
  }
}

function notGit(kind: string, { namespace, name }: { namespace: string; name: string }): string {
  return `takes its chart from ${kind} ${namespace}/${name}: only a GitRepository can be read here`
}
