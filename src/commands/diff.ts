import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError, isWebhookDown } from '../cluster/api-error.ts'
import { CanonicalForms, type CanonicalResult } from '../cluster/canonical.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { Shapes } from '../cluster/shapes.ts'
import { readableChanges } from '../drift/changeset.ts'
import { reportedChanges } from '../object/reported-changes.ts'
import { ClusterObjects } from '../guard/cluster-objects.ts'
import { DesiredStates } from '../guard/desired-states.ts'
import { knownForms } from '../guard/known-forms.ts'
import { policyOf } from '../guard/policy-of.ts'
import { guardIdentity, type Settings, type SourceSettings } from '../guard/settings.ts'
import type { Canonical, DesiredState, Manifest } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { formatRef, refKey, refOf } from '../object/identity.ts'
import { stringifyJson } from '../object/json.ts'
import { maskChanges } from '../object/mask.ts'
import { escapeText } from '../object/text.ts'
import { Comparison } from '../reconcile/comparison.ts'
import { Ledger } from '../reconcile/ledger.ts'
import { comesAndGoes, hasTtl } from '../reconcile/live-facts.ts'
import { exemptFromUndeclared } from '../reconcile/undeclared.ts'
import { fromCheckout } from './checkout.ts'
import { chosenSources, openCluster, readAllSettings, readSources, type CommonOptions } from './context.ts'
import { diffMarkdown } from './diff-markdown.ts'

export type Status = 'inSync' | 'modified' | 'missing' | 'undeclared' | 'pending' | 'invalid' | 'unattainable'

/** One object, compared. */
export interface Row {
  ref: ObjectRef
  apiVersion: string
  status: Status
  origin?: { file: string; line: number }
  changes: readonly FieldChange[]
  /** Why, where a status alone does not say it. */
  message?: string
}

/** Objects that are read at the same time. */
const AT_A_TIME = 16
/** How often an object that changed between reading and asking is read again. */
const MOST_RACES = 20
const DRIFT: readonly Status[] = ['modified', 'missing', 'undeclared']

export interface DiffOptions extends Omit<CommonOptions, 'output'> {
  output: CommonOptions['output'] | 'markdown'
  /** A checkout to read the sources from, instead of their repositories. */
  checkout?: string
}

/** `gitops-guard diff`: compares the cluster with Git. Writes nothing; 1 where something differs. */
export async function diff(options: DiffOptions): Promise<number> {
  const settings = await readAllSettings(options)
  const chosen = chosenSources(settings, options.source)
  const { checkout } = options
  const sources = checkout === undefined ? chosen : await fromCheckout(chosen, checkout)
  const [states, { api, discovery, connection }] = await Promise.all([
    readSources(sources),
    openCluster(options),
  ])
  try {
    const rows = await diffRows(settings, states, { sources, api, discovery })
    if (checkout !== undefined)
      rows.push(...(await droppedRows(settings, states, { chosen, api, discovery })))
    const revisions = states.map(({ source, revision }) => ({ name: source, revision }))
    const problems = states.flatMap((state) => state.problems)
    if (options.output === 'json') console.log(stringifyJson(asJson(revisions, rows)))
    else if (options.output === 'markdown') console.log(diffMarkdown(revisions, rows, problems))
    else printText(revisions, rows)
    for (const { file, line, message } of problems) {
      console.error(escapeText(`${file}:${line}: ${message}`, 2000))
    }
    return rows.some(({ status }) => DRIFT.includes(status)) ? 1 : 0
  } finally {
    connection.close()
  }
}

/** The cluster that is compared, and the sources of it that are asked for. */
interface Compared {
  sources: readonly SourceSettings[]
  api: ClusterApi
  discovery: Discovery
}

/** Compares everything that the sources declare, in their order. Discovery must have been read. */
export async function diffRows(
  settings: Settings,
  states: readonly DesiredState[],
  { sources, api, discovery }: Compared,
): Promise<Row[]> {
  const forms = new CanonicalForms({ api, discovery, shapes: new Shapes(api) })
  await forms.refresh()
  const known = knownForms(forms)
  const desired = new DesiredStates(sources, (group, kind) => discovery.namespaced(group, kind), known)
  for (const state of states) desired.accept(state)
  // Nobody acts in a comparison.
  const policy = policyOf(settings, desired.index, { guard: guardIdentity('', '') })
  const comparison = new Comparison({ forms: known, ledger: new Ledger() })
  const objects = new ClusterObjects(api, discovery)
  const look = (declared: Declared) => compareOne(declared, { policy, comparison, forms, objects })
  const rows = await inParallel([...desired.index.all()], look)
  rows.push(...(await undeclaredRows(sources, desired, { api, discovery })))
  return rows
}

interface Tools {
  policy: Policy
  comparison: Comparison
  forms: CanonicalForms
  objects: ClusterObjects
}

async function compareOne(declared: Declared, tools: Tools): Promise<Row> {
  const { policy, forms, objects } = tools
  const { manifest } = declared
  const { ref, object, origin } = manifest
  const row = {
    ref,
    apiVersion: object.apiVersion,
    origin: { file: origin.file, line: origin.line },
    changes: [],
  }
  const [form, live] = await Promise.all([formOf(manifest, forms), liveOf(manifest, forms, objects)])
  if ('invalid' in form) return { ...row, status: 'invalid', message: form.invalid }
  if (live === undefined) {
    if (mayBeGone(object)) return { ...row, status: 'inSync' }
    return { ...row, status: isPending(form, policy, ref) ? 'pending' : 'missing' }
  }
  if ('pending' in form) return { ...row, status: 'pending', message: form.pending }
  const { canonical } = form
  const changes = await confirmedChanges(declared, canonical, live, tools)
  if (changes === undefined) return { ...row, status: mayBeGone(object) ? 'inSync' : 'missing' }
  if (changes.length > 0) return { ...row, status: 'modified', changes: maskChanges(ref, changes) }
  if (canonical.unattainable.length === 0) return { ...row, status: 'inSync' }
  const message = `the API server drops ${canonical.unattainable.join(', ')}`
  return { ...row, status: 'unattainable', message }
}

/** Where somebody's webhook is down, as well as can be told without it: nothing else waits for it. */
async function formOf(manifest: Manifest, forms: CanonicalForms): Promise<CanonicalResult> {
  try {
    return await forms.form(manifest)
  } catch (error) {
    const canonical = isWebhookDown(error) ? await forms.withoutWebhook(manifest) : undefined
    if (canonical === undefined) throw error
    return { canonical }
  }
}

/** What may not be there although nobody took it away: hooks, what the server names, a Job that its time to live removed. */
function mayBeGone(manifest: KubeObject): boolean {
  return comesAndGoes(manifest) || hasTtl(manifest)
}

/**
 * What differs for certain; undefined where the object went meanwhile. One that changes all the time is read again, and
 * at last compared without asking; so is one whose webhook is down.
 */
async function confirmedChanges(
  declared: Declared,
  canonical: Canonical,
  live: KubeObject,
  { policy, comparison, forms, objects }: Tools,
): Promise<readonly FieldChange[] | undefined> {
  const { manifest } = declared
  let current = live
  for (let attempt = 0; ; attempt++) {
    try {
      return (await comparison.confirmed(policy, declared, canonical, current, refKey(manifest.ref))).changes
    } catch (error) {
      if (isWebhookDown(error)) return comparison.differences(policy, declared, canonical, current).changes
      if (!(error instanceof ApiError) || error.status !== 409) throw error
      if (attempt === MOST_RACES) return comparison.differences(policy, declared, canonical, current).changes
    }
    await sleep(Math.random() * 2 ** Math.min(attempt, 7))
    const newer = await liveOf(manifest, forms, objects)
    if (newer === undefined) return undefined
    current = newer
  }
}

/** What is not there as its namespace is not, and no one declares that: it waits for somebody. */
function isPending(form: object, policy: Policy, ref: ObjectRef): boolean {
  const namespace = { group: '', kind: 'Namespace', namespace: '', name: ref.namespace }
  return 'pending' in form && policy.declared(namespace) === undefined
}

async function liveOf(manifest: Manifest, forms: CanonicalForms, objects: ClusterObjects) {
  const resource = forms.resourceFor(manifest)
  if (resource === undefined) return undefined
  const { group, version } = resource
  return await objects.get({
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind: manifest.ref.kind,
    namespace: manifest.ref.namespace,
    name: manifest.ref.name,
  })
}

/** What exists in namespaces of sources that do not let be what Git does not name. */
async function undeclaredRows(
  sources: readonly SourceSettings[],
  desired: DesiredStates,
  { api, discovery }: { api: ClusterApi; discovery: Discovery },
): Promise<Row[]> {
  if (sources.every(({ policy }) => policy.undeclared === 'allow')) return []
  const namespaces = [...desired.index.namespaces()].filter((namespace) =>
    desired.index.sourcesOf(namespace).some(({ undeclared }) => undeclared !== 'allow'),
  )
  const kinds = discovery.resources().filter(({ namespaced, verbs }) => namespaced && verbs.includes('list'))
  const pairs = kinds.flatMap((info) => namespaces.map((namespace) => ({ info, namespace })))
  const found = await inParallel(pairs, async ({ info, namespace }) => {
    const { object } = await api.list(info, namespace)
    const apiVersion = info.group === '' ? info.version : `${info.group}/${info.version}`
    return object.items.map((item) => ({ ...(item as KubeObject), apiVersion, kind: info.kind }))
  })
  return found
    .flat()
    .map((object) => ({ object, ref: refOf(object) }))
    .filter(
      ({ object, ref }) => desired.index.declared(ref) === undefined && !exemptFromUndeclared(ref, object),
    )
    .map(({ object, ref }) => ({
      ref,
      apiVersion: object.apiVersion,
      status: 'undeclared' as const,
      changes: [],
    }))
}

/** What the sources declare now, the cluster holds, and the checkout declares no longer. */
async function droppedRows(
  settings: Settings,
  states: readonly DesiredState[],
  { chosen, api, discovery }: { chosen: readonly SourceSettings[]; api: ClusterApi; discovery: Discovery },
): Promise<Row[]> {
  let now: DesiredState[]
  try {
    now = await readSources(chosen)
  } catch (error) {
    console.error(`what the checkout drops is not told: ${escapeText((error as Error).message, 1000)}`)
    return []
  }
  const kept = new Set(states.flatMap(({ manifests }) => manifests.map(({ ref }) => refKey(ref))))
  const dropped = now.map((state) => ({
    ...state,
    manifests: state.manifests.filter(({ ref }) => !kept.has(refKey(ref))),
  }))
  const rows = await diffRows(settings, dropped, { sources: chosen, api, discovery })
  return rows
    .filter(({ status, origin }) => origin !== undefined && status !== 'missing' && status !== 'pending')
    .map((row) => ({
      ...row,
      status: 'undeclared' as const,
      changes: [],
      message: 'declared now, and no longer by the checkout: an agent that prunes deletes it',
    }))
}

function asJson(sources: readonly { name: string; revision: string }[], rows: readonly Row[]) {
  return {
    sources,
    objects: rows.map(({ ref, apiVersion, status, origin, changes, message }) => ({
      apiVersion,
      kind: ref.kind,
      namespace: ref.namespace,
      name: ref.name,
      status,
      ...(origin === undefined ? {} : { origin }),
      changes: reportedChanges(changes),
      ...(message === undefined ? {} : { message }),
    })),
  }
}

function printText(sources: readonly { name: string; revision: string }[], rows: readonly Row[]): void {
  for (const { name, revision } of sources) console.log(`${name} at ${revision.slice(0, 12)}`)
  const counts = new Map<Status, number>()
  for (const row of rows) {
    counts.set(row.status, (counts.get(row.status) ?? 0) + 1)
    if (row.status === 'inSync') continue
    const place = row.origin === undefined ? '' : `  ${escapeText(row.origin.file, 500)}:${row.origin.line}`
    console.log(`\n${row.status}  ${formatRef(row.ref)}${place}`)
    if (row.message !== undefined) console.log(`  ${escapeText(row.message, 1000)}`)
    for (const line of readableChanges(row.changes)) console.log(`  ${line}`)
  }
  const summary = [...counts].map(([status, count]) => `${count} ${status}`).join(', ')
  console.log(`\n${summary || 'Git declares nothing'}`)
}

/** Maps with so many under way at a time; the first error ends it. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index]!)
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, items.length) }, worker))
  return results
}
