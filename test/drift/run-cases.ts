import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatPointer } from '../../src/object/path.ts'
import type { Row } from '../../src/commands/diff.ts'
import { formatRef, refKey } from '../../src/object/identity.ts'
import type { DriftCase, Tools } from './drift-case.ts'
import { messageOf, type Stage, type StagedManifest, type StagedSource } from './stage.ts'
import type { RawAnswer } from './raw-requests.ts'

/** What became of one case. */
export interface Outcome {
  before: Row[]
  after: Row[]
  error?: Error
}

/** Brings all cases in, compares, lets things happen to them, compares again: all at once, as a cluster would. */
export async function runCases(
  stage: Stage,
  cases: readonly DriftCase[],
  config: string,
): Promise<Map<DriftCase, Outcome>> {
  const staged = cases.map((one, index) => ({ one, source: sourceOf(one, index) }))
  const outcomes = new Map(cases.map((one): [DriftCase, Outcome] => [one, { before: [], after: [] }]))
  const attempt = (one: DriftCase, work: () => Promise<unknown>) =>
    work().catch((error: unknown) => {
      outcomes.get(one)!.error ??= error as Error
    })
  await parallel(staged, async ({ one, source }) => {
    await attempt(one, async () => {
      await stage.namespace(source.namespace!, one.labels)
      if (one.setup !== undefined) await setUp(stage, one.setup, source)
    })
  })
  await served(stage, staged)
  await parallel(staged, ({ one, source }) => attempt(one, () => bring(stage, one, source)))
  await sleep(1500)
  const sources = staged.map(({ source }) => source)
  const before = await stage.diff(sources, config)
  for (const { one, source } of staged) outcomes.get(one)!.before = before.get(source.name) ?? []
  await parallel(staged, ({ one, source }) =>
    attempt(one, async () => {
      if (one.live !== undefined) await one.live(toolsOf(stage, source))
    }),
  )
  await sleep(500)
  const after = await stage.diff(sources, config)
  for (const { one, source } of staged) outcomes.get(one)!.after = after.get(source.name) ?? []
  return outcomes
}

/** @throws AssertionError where the guard said something else than the case expects. */
export function check(one: DriftCase, { before, after, error }: Outcome): void {
  if (error !== undefined) throw error
  const expected = one.first ?? 'inSync'
  const wrong = before.filter(({ status }) => status !== expected && status !== 'inSync')
  assert.deepEqual(wrong.map(told), [], 'before anybody changed anything')
  assert.equal(before[0]?.status, expected, `before: ${before[0] && told(before[0])}`)
  const [first, ...others] = after
  const status = one.status ?? (one.drift === undefined ? expected : 'modified')
  assert.equal(first?.status, status, first && told(first))
  assert.deepEqual(first === undefined ? [] : changesOf(first), [...(one.drift ?? [])].toSorted())
  assert.deepEqual(
    others
      .filter((row) => row.status !== 'inSync')
      .map((row) => (one.others === undefined ? told(row) : row.status)),
    one.others ?? [],
  )
}

function changesOf({ changes }: Row): string[] {
  return changes.map(({ op, path }) => `${op} ${formatPointer(path)}`).toSorted()
}

export function told(row: Row): string {
  const changes = row.changes.map(
    ({ op, path, before, after }) => `${op} ${formatPointer(path)}: ${text(before)} -> ${text(after)}`,
  )
  return [row.status, formatRef(row.ref), row.message ?? '', ...changes].join(' ')
}

function text(value: unknown): string {
  return value === undefined
    ? 'nothing'
    : JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)).slice(
        0,
        200,
      )
}

function sourceOf({ git, undeclared }: DriftCase, index: number): StagedSource {
  const name = `case-${String(index + 1).padStart(3, '0')}`
  return {
    name,
    namespace: name,
    yaml: git.replaceAll('$NS', name),
    ...(undeclared === undefined ? {} : { undeclared }),
  }
}

async function setUp(stage: Stage, yaml: string, source: StagedSource): Promise<void> {
  for (const { manifest } of stage.documents({
    ...source,
    yaml: yaml.replaceAll('$NS', source.namespace!),
  })) {
    const answer = await stage.send('POST', stage.collection(manifest.object), manifest.object)
    if (answer.status >= 300 && answer.status !== 409) throw new Error(`set up: ${messageOf(answer)}`)
  }
}

async function bring(stage: Stage, { agent, git, first }: DriftCase, source: StagedSource): Promise<void> {
  if (agent === 'none') return
  const yaml = typeof agent === 'object' ? agent.text.replaceAll('$NS', source.namespace!) : source.yaml
  if (agent === 'client-side' || agent === 'create') {
    await stage.kubectl(['-n', source.namespace!, agent === 'create' ? 'create' : 'apply'], yaml)
    return
  }
  for (const document of stage.documents({ ...source, yaml })) {
    const answer = await retried(stage, document)
    if (answer.status >= 300 && first !== 'invalid' && first !== 'pending')
      throw new Error(
        `${git.slice(0, 40)}: ${refKey(document.manifest.ref)}: ${answer.status} ${messageOf(answer)}`,
      )
  }
}

/** Waits until custom kinds that were set up are served, and Pods may be made in every namespace. */
async function served(
  stage: Stage,
  staged: readonly { one: DriftCase; source: StagedSource }[],
): Promise<void> {
  const end = Date.now() + 15_000
  for (const { source } of staged) {
    const account = `/api/v1/namespaces/${source.namespace}/serviceaccounts/default`
    while ((await stage.send('GET', account)).status === 404 && Date.now() < end) await sleep(50)
  }
  const custom = staged.filter(({ one }) => one.setup?.includes('kind: CustomResourceDefinition'))
  const missing = () =>
    custom.some(({ source }) => !stage.discovery.resources().some(({ group }) => group.includes(source.name)))
  do await stage.refresh()
  while (missing() && Date.now() < end)
  // Policies are compiled at intervals.
  if (staged.some(({ one }) => one.setup?.includes('kind: MutatingAdmissionPolicy'))) await sleep(2000)
}

/** A kind that came with its definition is served a moment later. */
async function retried(stage: Stage, document: StagedManifest): Promise<RawAnswer> {
  const { apiVersion, kind } = document.manifest.object
  for (let attempt = 0; ; attempt++) {
    if (stage.serves(apiVersion, kind)) {
      const answer = await stage.apply(document)
      if (answer.status !== 404 || attempt > 20) return answer
    } else if (attempt > 20) throw new Error(`${kind} of ${apiVersion} is not served`)
    await sleep(200)
    await stage.refresh()
  }
}

function toolsOf(stage: Stage, source: StagedSource): Tools {
  const [first] = stage.manifests(source)
  const { object } = first!
  return { stage, namespace: source.namespace!, object, path: stage.path(object) }
}

export async function parallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
  width = 6,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
