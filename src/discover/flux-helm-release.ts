/** What a Flux HelmRelease brings in, and how it renders it. */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FluxHelmSpec, HelmSpec } from '../git/source-spec.ts'
import { nothing, type AgentFacts, type Found, type ValueReference } from './discovered.ts'
import { fluxAllowances } from './flux-differences.ts'
import { fluxChart, type FluxChart } from './flux-helm-chart.ts'
import { fluxValues, type FluxValues } from './flux-helm-values.ts'
import type { FluxOptions } from './flux-kustomization.ts'
import { fluxRepository } from './flux-repository.ts'
import { at, commitIn, filled, isTrue, listAt, nameOf, objectAt, textAt } from './reading.ts'

/** Its part of a name: a Kustomization may be called the same. */
const SUFFIX = '#helm'

/**
 * Nothing for one that is going away or applies to another cluster, nor for one that was never released: hooks and what it depends on come first, and
 * until a release is there nothing of it is missing.
 */
export function fluxHelmRelease(
  release: KubeObject,
  facts: AgentFacts,
  { defaultServiceAccount = '' }: FluxOptions = {},
): Found {
  const { metadata, spec, status } = release
  if (metadata['deletionTimestamp'] !== undefined || at(spec, 'kubeConfig') !== undefined) return nothing
  const { namespace, name } = nameOf(release)
  const source = `flux:${namespace}/${name}${SUFFIX}`
  const fail = (message: string, wants: readonly ValueReference[] = []): Found => ({
    sources: [],
    problem: { source, message },
    wants,
  })
  const chart = fluxChart(release, facts)
  if (typeof chart === 'string') return fail(chart)
  if (listAt(status, 'history').length === 0 || chart.chart === undefined) return nothing
  const { repository: from } = chart
  const repository = facts.find('GitRepository', from.namespace, from.name)
  if (repository === undefined) return fail(`GitRepository ${from.namespace}/${from.name} does not exist`)
  const found = fluxRepository(repository, facts)
  if (found === undefined) return nothing
  if ('problem' in found) return fail(found.problem, found.wants)
  const values = fluxValues(release, facts)
  const wants = [...found.wants, ...values.wants]
  if (values.problem !== undefined) return fail(values.problem, wants)
  const account = textAt(spec, 'serviceAccountName') || defaultServiceAccount
  const startAt = commitIn(textAt(chart.chart['status'], 'observedSourceArtifactRevision'))
  const announced = commitIn(textAt(repository['status'], 'artifact', 'revision'))
  const differences = fluxAllowances(spec)
  return {
    wants,
    sources: [
      {
        name: source,
        agent: 'flux',
        object: { kind: 'HelmRelease', namespace, name, index: 0 },
        url: found.url,
        spec: {
          name: source,
          ref: found.ref,
          path: chart.path,
          renderer: 'helm',
          namespace: textAt(spec, 'targetNamespace') || namespace,
          ignore: found.ignore,
          helm: helmOf(release, chart, values, facts),
          ...(found.verify === undefined ? {} : { verify: found.verify }),
          ...(differences.notes.length === 0 ? {} : { notes: differences.notes }),
        },
        ...(startAt === undefined ? {} : { startAt }),
        ...(announced === undefined ? {} : { announced }),
        suspended: isTrue(spec, 'suspend') || hasGivenUp(status),
        // Of charts that are released by their version the commit of a release cannot be told for certain.
        limited: account !== '' || !chart.everyCommit,
        recreate: isTrue(spec, 'upgrade', 'force'),
        users: account === '' ? [] : [`system:serviceaccount:${namespace}:${account}`],
        allowances: differences.allowances.map((allowance) => ({
          ...allowance,
          name: `${source} ${allowance.name}`,
          source,
        })),
      },
    ],
  }
}

/** It was rolled back, or is tried no more: what is in the cluster is an older release, and stays until Git or somebody says more. */
function hasGivenUp(status: Json | undefined): boolean {
  return listAt(status, 'conditions').some(
    (condition) =>
      ['Stalled', 'Remediated'].includes(textAt(condition, 'type')) && textAt(condition, 'status') === 'True',
  )
}

function helmOf(
  release: KubeObject,
  chart: FluxChart,
  values: FluxValues,
  { cluster }: AgentFacts,
): HelmSpec {
  const { spec } = release
  const { namespace, name } = nameOf(release)
  const target = textAt(spec, 'targetNamespace')
  return {
    release: textAt(spec, 'releaseName') || (target === '' ? name : `${target}-${name}`),
    values: chart.valuesFiles.map((file) => `/${file}`),
    ignoreMissing: chart.ignoreMissing,
    texts: values.texts,
    // Otherwise Flux makes them once, and leaves them as they are from then on.
    skipCrds: textAt(spec, 'upgrade', 'crds') !== 'CreateReplace',
    ...cluster,
    flux: fluxOf(spec, { namespace, name }, chart, values),
  }
}

function fluxOf(
  spec: Json | undefined,
  { namespace, name }: { namespace: string; name: string },
  { everyCommit, chart }: FluxChart,
  { secrets }: FluxValues,
): FluxHelmSpec {
  const generation = at(chart?.metadata, 'generation')
  const labels = objectAt(spec, 'commonMetadata', 'labels')
  const annotations = objectAt(spec, 'commonMetadata', 'annotations')
  const kustomizations = listAt(spec, 'postRenderers').flatMap((one) => {
    const kustomize = at(one, 'kustomize')
    return kustomize === undefined ? [] : [kustomizationOf(kustomize)]
  })
  return {
    name,
    namespace,
    follows: everyCommit ? 'commit' : 'version',
    ...(typeof generation === 'number' ? { generation } : {}),
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(kustomizations.length === 0 ? {} : { kustomizations }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  }
}

function kustomizationOf(kustomize: Json): JsonObject {
  return {
    patches: listAt(kustomize, 'patches').map((patch): JsonObject => {
      const target = objectAt(patch, 'target')
      return { patch: textAt(patch, 'patch'), ...(target === undefined ? {} : { target }) }
    }),
    images: listAt(kustomize, 'images').map((image): JsonObject =>
      filled({
        name: textAt(image, 'name'),
        newName: textAt(image, 'newName'),
        newTag: textAt(image, 'newTag'),
        digest: textAt(image, 'digest'),
      }),
    ),
  }
}
