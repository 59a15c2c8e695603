/** What a Flux Kustomization brings in, and how it builds it. */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { KustomizationEdit } from '../git/kustomize-edit.ts'
import type { KustomizeSpec } from '../git/source-spec.ts'
import { nothing, type AgentFacts, type Found, type ValueReference } from './discovered.ts'
import { fluxRepository } from './flux-repository.ts'
import {
  at,
  commitIn,
  dataOf,
  entriesAt,
  filled,
  isTrue,
  listAt,
  nameOf,
  objectAt,
  textAt,
  textsAt,
} from './reading.ts'

export interface FluxOptions {
  /** The controllers' `--default-service-account`. */
  defaultServiceAccount?: string | undefined
}

/** Marks by which a manifest says that it is not applied, or only where there is none (api/v1, kustomization_types.go). */
const leaveOut = [
  { key: 'kustomize.toolkit.fluxcd.io/reconcile', values: ['disabled'] },
  { key: 'kustomize.toolkit.fluxcd.io/ssa', values: ['Ignore', 'IfNotPresent'] },
]

/**
 * Nothing for one that is going away or applies to another cluster, nor for one that Flux has not come to yet: it may wait for
 * others (`dependsOn`), and until it has come to it, nothing of it is missing.
 */
export function fluxKustomization(
  kustomization: KubeObject,
  facts: AgentFacts,
  { defaultServiceAccount = '' }: FluxOptions = {},
): Found {
  const { metadata, spec, status } = kustomization
  if (metadata['deletionTimestamp'] !== undefined || at(spec, 'kubeConfig') !== undefined) return nothing
  const attempted = textAt(status, 'lastAttemptedRevision')
  if (attempted === '') return nothing
  const { namespace, name } = nameOf(kustomization)
  const source = `flux:${namespace}/${name}`
  const fail = (message: string, wants: readonly ValueReference[] = []): Found => ({
    sources: [],
    problem: { source, message },
    wants,
  })
  const kind = textAt(spec, 'sourceRef', 'kind')
  const from = {
    namespace: textAt(spec, 'sourceRef', 'namespace') || namespace,
    name: textAt(spec, 'sourceRef', 'name'),
  }
  if (kind !== 'GitRepository')
    return fail(`takes from ${kind} ${from.namespace}/${from.name}: only a GitRepository can be read here`)
  const repository = facts.find('GitRepository', from.namespace, from.name)
  if (repository === undefined) return fail(`GitRepository ${from.namespace}/${from.name} does not exist`)
  const found = fluxRepository(repository, facts)
  if (found === undefined) return nothing
  if ('problem' in found) return fail(found.problem, found.wants)
  const taken = variablesOf(kustomization, facts)
  const wants = [...found.wants, ...taken.wants]
  if (taken.missing !== undefined) return fail(taken.missing, wants)
  const account = textAt(spec, 'serviceAccountName') || defaultServiceAccount
  const startAt = commitIn(attempted)
  const announced = commitIn(textAt(repository['status'], 'artifact', 'revision'))
  return {
    wants,
    sources: [
      {
        name: source,
        agent: 'flux',
        object: { kind: 'Kustomization', namespace, name, index: 0 },
        url: found.url,
        spec: {
          name: source,
          ref: found.ref,
          path: textAt(spec, 'path'),
          renderer: 'kustomize',
          ignore: found.ignore,
          kustomize: kustomizeOf(kustomization, taken.variables),
          ...(found.verify === undefined ? {} : { verify: found.verify }),
          ...(at(spec, 'decryption') === undefined ? {} : { notes: [DECRYPTION] }),
        },
        ...(startAt === undefined ? {} : { startAt }),
        ...(announced === undefined ? {} : { announced }),
        suspended: isTrue(spec, 'suspend'),
        limited: account !== '',
        recreate: isTrue(spec, 'force'),
        users: account === '' ? [] : [`system:serviceaccount:${namespace}:${account}`],
        allowances: [],
      },
    ],
  }
}

const DECRYPTION = 'decryption is not done here: what SOPS has encrypted is not guarded, the rest is'

function kustomizeOf({ spec }: KubeObject, variables: readonly (readonly [string, string])[]): KustomizeSpec {
  const metadata = {
    labels: objectAt(spec, 'commonMetadata', 'labels'),
    annotations: objectAt(spec, 'commonMetadata', 'annotations'),
  }
  return {
    generate: true,
    edit: editOf(spec),
    leaveOut,
    ...(variables.length === 0 ? {} : { variables }),
    ...(metadata.labels || metadata.annotations ? { metadata } : {}),
  }
}

function editOf(spec: Json | undefined): KustomizationEdit {
  const patches = listAt(spec, 'patches').map((patch) => {
    const target = objectAt(patch, 'target')
    return { patch: textAt(patch, 'patch'), ...(target === undefined ? {} : { target }) }
  })
  const images = listAt(spec, 'images').map((image): JsonObject =>
    filled({
      name: textAt(image, 'name'),
      newName: textAt(image, 'newName'),
      newTag: textAt(image, 'newTag'),
      digest: textAt(image, 'digest'),
    }),
  )
  const folders = textsAt(spec, 'components')
  return {
    set: filled({
      namespace: textAt(spec, 'targetNamespace'),
      namePrefix: textAt(spec, 'namePrefix'),
      nameSuffix: textAt(spec, 'nameSuffix'),
    }),
    append: { patches },
    merge: { images },
    ...(folders.length === 0
      ? {}
      : { components: { folders, ignoreMissing: isTrue(spec, 'ignoreMissingComponents') } }),
  }
}

/** Those of ConfigMaps and Secrets in their order, then those that are written in the object: the last one counts. */
function variablesOf(
  { metadata, spec }: KubeObject,
  facts: AgentFacts,
): { variables: [string, string][]; wants: ValueReference[]; missing?: string } {
  const variables = new Map<string, string>()
  const wants: ValueReference[] = []
  let missing: string | undefined
  const take = (entries: readonly [string, string][]) => {
    // Flux takes line ends out of every value.
    for (const [name, value] of entries) variables.set(name, value.replaceAll('\n', ''))
  }
  for (const reference of listAt(spec, 'postBuild', 'substituteFrom')) {
    const kind = textAt(reference, 'kind')
    if (kind !== 'ConfigMap' && kind !== 'Secret') continue
    const wanted = {
      kind,
      namespace: textAt(metadata, 'namespace'),
      name: textAt(reference, 'name'),
    } as const
    wants.push(wanted)
    const object = facts.values(wanted)
    if (object !== undefined) take(dataOf(object))
    else if (!isTrue(reference, 'optional'))
      missing ??= `takes variables from ${kind} ${wanted.namespace}/${wanted.name}, which does not exist or cannot be read`
  }
  take(entriesAt(spec, 'postBuild', 'substitute'))
  return { variables: [...variables], wants, ...(missing === undefined ? {} : { missing }) }
}
