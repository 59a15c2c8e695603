/** What an Argo CD Application brings in, and how each of its sources is rendered. */
import type { Json, KubeObject } from '../model/json.ts'
import type { GitRef } from '../git/git-ref.ts'
import { argocdAllowances } from './argocd-differences.ts'
import { projectOf } from './argocd-project.ts'
import { renderingOf } from './argocd-rendering.ts'
import { nothing, type AgentFacts, type DiscoveredSource, type Found } from './discovered.ts'
import { at, commitIn, listAt, nameOf, objectAt, textAt } from './reading.ts'

/**
 * Nothing for one that is going away, is deployed to another cluster, or was never synced: until then nothing of it is missing. One that does not
 * sync by itself at all times (by hand, or in windows) is held to the commit that was synced last, one that does to what it follows.
 */
export function argocdApplication(application: KubeObject, facts: AgentFacts): Found {
  const { metadata, spec, status } = application
  if (metadata['deletionTimestamp'] !== undefined || !isHere(at(spec, 'destination'))) return nothing
  const wasSynced =
    at(status, 'operationState') !== undefined || textAt(status, 'sync', 'status') === 'Synced'
  if (!wasSynced) return nothing
  const { namespace, name } = nameOf(application)
  const prefix = `argocd:${namespace}/${name}`
  const fail = (message: string): Found => ({ sources: [], problem: { source: prefix, message }, wants: [] })
  if (at(spec, 'sourceHydrator') !== undefined)
    return fail('has a source hydrator, which is not followed here')
  const several = listAt(spec, 'sources')
  const all = several.length > 0 ? several : [at(spec, 'source') ?? null]
  // One with a name and no path only lends its files to the others.
  const rendered = all.flatMap((source, index) =>
    textAt(source, 'ref') !== '' && textAt(source, 'path') === '' && textAt(source, 'chart') === ''
      ? []
      : [{ source, index }],
  )
  const project = projectOf(application, facts)
  const differences = argocdAllowances(listAt(spec, 'ignoreDifferences'))
  const sources: DiscoveredSource[] = []
  for (const { source, index } of rendered) {
    const own = rendered.length === 1 ? prefix : `${prefix}#${index + 1}`
    if (textAt(source, 'chart') !== '')
      return fail(`takes chart ${textAt(source, 'chart')} from a Helm repository: only Git can be read here`)
    const ref = refOf(application, source, { index, byItself: isAutomated(spec) && !project.hasWindows })
    if (ref === undefined) return nothing
    const rendering = renderingOf(source, { application, all, name, cluster: facts.cluster })
    if (typeof rendering === 'string') return fail(rendering)
    const startAt = commitAt(at(status, 'sync'), index)
    sources.push({
      name: own,
      agent: 'argocd',
      object: { kind: 'Application', namespace, name, index },
      url: textAt(source, 'repoURL'),
      spec: {
        name: own,
        ref,
        path: textAt(source, 'path'),
        ...rendering,
        ...(textAt(spec, 'destination', 'namespace') === ''
          ? {}
          : { namespace: textAt(spec, 'destination', 'namespace') }),
        ...(differences.notes.length === 0 ? {} : { notes: differences.notes }),
      },
      ...(startAt === undefined ? {} : { startAt, announced: startAt }),
      suspended: textAt(metadata, 'annotations', 'argocd.argoproj.io/skip-reconcile') === 'true',
      limited: project.limited,
      recreate: false,
      users: project.users,
      allowances: [...differences.allowances, INSTANCE_LABEL].map((allowance) => ({
        ...allowance,
        name: `${prefix} ${allowance.name}`,
        source: own,
      })),
    })
  }
  // Where two of them declare one object the last counts, for Argo CD.
  return { sources: sources.reverse(), wants: [] }
}

/** It writes its label over one that the manifest has, where it tracks by label. */
const INSTANCE_LABEL = {
  name: 'tracking',
  reason: 'Argo CD tracks what it brought in by this label',
  users: [],
  objects: {},
  fields: ['/metadata/labels/app.kubernetes.io~1instance'],
  bookkeeping: true,
}

/** In this cluster, as Argo CD names it by default. */
function isHere(destination: Json | undefined): boolean {
  const server = textAt(destination, 'server')
  if (server === '') return textAt(destination, 'name') === 'in-cluster'
  return /^https:\/\/kubernetes\.default\.svc(\.cluster\.local)?(:443)?\/?$/.test(server)
}

function isAutomated(spec: Json | undefined): boolean {
  const automated = at(spec, 'syncPolicy', 'automated')
  return automated !== undefined && automated !== null && at(automated, 'enabled') !== false
}

/** Undefined where it was never synced. */
function refOf(
  { status, operation }: KubeObject,
  source: Json,
  { index, byItself }: { index: number; byItself: boolean },
): GitRef | undefined {
  if (!byItself) {
    const running = at(status, 'operationState', 'phase') === 'Running'
    const begun =
      objectAt(operation, 'sync') ?? (running ? at(status, 'operationState', 'operation', 'sync') : undefined)
    const commit = commitAt(begun, index) ?? commitAt(listAt(status, 'history').at(-1), index)
    return commit === undefined ? undefined : { commit }
  }
  const revision = textAt(source, 'targetRevision') || 'HEAD'
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(revision)) return { commit: revision }
  // A range of versions, or the beginning of a hash: which commit that is, Argo CD says.
  if (/[*^~<>=|, ]|\.x\b/i.test(revision) || /^[0-9a-f]{7,39}$/.test(revision)) {
    const commit = commitAt(at(status, 'sync'), index)
    return commit === undefined ? undefined : { commit }
  }
  return { name: revision }
}

function commitAt(holder: Json | undefined, index: number): string | undefined {
  const list = listAt(holder, 'revisions')
  return commitIn(list.length > 0 ? list[index] : at(holder, 'revision'))
}
