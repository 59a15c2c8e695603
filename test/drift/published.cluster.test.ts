import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Row } from '../../src/commands/diff.ts'
import type { Manifest } from '../../src/model/desired.ts'
import type { KubeObject } from '../../src/model/json.ts'
import { fieldOf } from '../../src/object/json.ts'
import { refKey } from '../../src/object/identity.ts'
import { formatPointer } from '../../src/object/path.ts'
import { changeSomething, isTold, type Made } from './random-change.ts'
import { Random, seedOfRun } from './random.ts'
import { publishedSources } from './published.ts'
import { parallel, told } from './run-cases.ts'
import { messageOf, Stage, type StagedManifest } from './stage.ts'

const CHANGES = 200

/** Namespaces and definitions first; webhooks, which answer to nobody here, last. */
const RANK: { readonly [kind: string]: number } = {
  Namespace: 0,
  CustomResourceDefinition: 1,
  ValidatingWebhookConfiguration: 9,
  MutatingWebhookConfiguration: 9,
}

describe('published manifests on a real API server', async () => {
  const { sources, missing } = await publishedSources()
  const seed = seedOfRun()
  const skip = sources.length === 0 ? `no Go module could be read: ${missing.join('; ')}` : false
  let stage: Stage
  /** What the API server took, the last of each name. */
  const applied = new Map<string, Manifest>()
  const refused = new Map<string, string>()

  before(async () => {
    if (skip !== false) return
    stage = await Stage.start()
    for (const line of missing) console.log(`not had here: ${line}`)
    for (const { namespace } of sources) await stage.namespace(namespace!)
    await bringAll()
    await new Promise((resolve) => setTimeout(resolve, 2000))
  })
  after(() => stage?.stop())

  async function bringAll(): Promise<void> {
    for (const rank of [0, 1, 5, 9]) {
      await stage.refresh()
      if (rank === 5) await definedKinds()
      // Again each time: definitions say what is in a namespace.
      const documents = sources.flatMap((source) => stage.documents(source))
      const now = documents.filter(({ manifest }) => (RANK[manifest.ref.kind] ?? 5) === rank)
      await parallel(now, bring)
    }
  }

  /** A kind is served a moment after its definition was taken. */
  async function definedKinds(): Promise<void> {
    const end = Date.now() + 30_000
    const definitions = [...applied.values()].flatMap(({ object }) => definedBy(object))
    while (
      definitions.some(({ group, kind }) => !stage.discovery.resourceFor(group, kind)) &&
      Date.now() < end
    ) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      await stage.refresh()
    }
  }

  async function bring(document: StagedManifest): Promise<void> {
    const { manifest } = document
    const { apiVersion, kind } = manifest.object
    if (!stage.serves(apiVersion, kind)) return void refused.set(refKey(manifest.ref), 'not served')
    const answer = await stage.apply(document)
    if (answer.status < 300) return void applied.set(refKey(manifest.ref), manifest)
    // What server-side apply refuses a POST may accept.
    const created = await stage.send('POST', stage.collection(manifest.object), manifest.object)
    if (created.status < 300) applied.set(refKey(manifest.ref), manifest)
    else if (!applied.has(refKey(manifest.ref))) refused.set(refKey(manifest.ref), messageOf(created))
  }

  const compared = async (): Promise<Row[]> => [...(await stage.diff(sources)).values()].flat()

  it('show no drift', { skip }, async () => {
    const rows = await compared()
    const wrong = rows.filter(({ ref, status }) =>
      applied.has(refKey(ref))
        ? status !== 'inSync' && status !== 'unattainable'
        : !['invalid', 'pending', 'missing'].includes(status),
    )
    const counts = Object.entries(Object.groupBy(rows, ({ status }) => status))
    console.log(
      `${counts.map(([status, list]) => `${list.length} ${status}`).join(', ')} of ${sources.length} projects`,
    )
    for (const row of rows)
      if (row.status !== 'inSync')
        console.log(`  ${told(row).slice(0, 300)} | ${refused.get(refKey(row.ref)) ?? ''}`.slice(0, 400))
    assert.deepEqual(wrong.map(told), [])
    assert.ok(applied.size > 200, `${applied.size} objects`)
  })

  it(`show ${CHANGES} random changes, each as what it is (DRIFT_SEED=${seed})`, { skip }, async () => {
    const random = new Random(seed)
    const made = new Map<string, Made>()
    const chosen = random.sample([...applied.values()], CHANGES * 2)
    for (const manifest of chosen) {
      if (made.size === CHANGES) break
      const change = await changeSomething(stage, manifest, random)
      if (change !== undefined) made.set(refKey(manifest.ref), change)
    }
    const wrong: string[] = []
    for (const row of await compared()) {
      const change = made.get(refKey(row.ref))
      const paths = row.changes.map(({ path }) => formatPointer(path))
      if (change === undefined) {
        if (row.status === 'modified') wrong.push(`nobody changed: ${told(row)}`)
      } else if (!isTold(change.paths, paths)) wrong.push(`${change.paths.join(' ')} is told as ${told(row)}`)
    }
    console.log(`${made.size} changes`)
    assert.deepEqual(wrong, [])
    assert.ok(made.size >= Math.min(CHANGES, applied.size / 2), `${made.size} changes`)
  })
})

function definedBy({ kind, spec }: KubeObject): { group: string; kind: string }[] {
  if (kind !== 'CustomResourceDefinition') return []
  return [{ group: String(fieldOf(spec, 'group')), kind: String(fieldOf(fieldOf(spec, 'names'), 'kind')) }]
}
