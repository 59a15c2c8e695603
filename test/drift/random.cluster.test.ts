import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CanonicalForms } from '../../src/cluster/canonical.ts'
import { ApiError } from '../../src/cluster/api-error.ts'
import { Shapes } from '../../src/cluster/shapes.ts'
import { kindsNamespace } from '../../src/cluster/testing/kinds.ts'
import type { Row } from '../../src/commands/diff.ts'
import { bookkeepingOf } from '../../src/drift/bookkeeping.ts'
import { compare } from '../../src/drift/compare.ts'
import { ClusterObjects } from '../../src/guard/cluster-objects.ts'
import type { Manifest } from '../../src/model/desired.ts'
import { refKey } from '../../src/object/identity.ts'
import { stringifyJson } from '../../src/object/json.ts'
import { formatPointer } from '../../src/object/path.ts'
import { agentEntry } from '../../src/reconcile/agent-writer.ts'
import { Repairer } from '../../src/reconcile/repair.ts'
import { noStamps } from '../../src/reconcile/stamps.ts'
import { changeSomething, isTold } from './random-change.ts'
import { randomManifests } from './random-manifests.ts'
import { Random, seedOfRun } from './random.ts'
import { parallel, told } from './run-cases.ts'
import { AGENT, messageOf, Stage, type StagedSource } from './stage.ts'

const seed = seedOfRun()

describe(`random manifests of many kinds on a real API server (DRIFT_SEED=${seed})`, () => {
  const random = new Random(seed)
  const applied = new Map<string, Manifest>()
  let stage: Stage
  let source: StagedSource
  let repairer: Repairer
  let forms: CanonicalForms

  before(async () => {
    stage = await Stage.start()
    await stage.namespace(kindsNamespace)
    const { api, discovery } = stage
    repairer = new Repairer(new ClusterObjects(api, discovery))
    forms = new CanonicalForms({ api, discovery, shapes: new Shapes(api) })
    const objects = await randomManifests(stage, random, 3)
    for (const object of objects) await bring(stringifyJson(object))
    source = {
      name: 'random',
      namespace: kindsNamespace,
      yaml: [...applied.values()].map(({ object }) => stringifyJson(object)).join('\n---\n'),
    }
    await stage.quiet([...applied.values()].map(({ object }) => object))
  })
  after(() => stage.stop())

  /** By server-side apply, or by POST where that takes more. */
  async function bring(text: string): Promise<void> {
    const { apiVersion, kind } = JSON.parse(text) as { apiVersion: string; kind: string }
    if (!stage.serves(apiVersion, kind) && isMissing(apiVersion)) return console.log(`not served: ${kind}`)
    for (let attempt = 0; !stage.serves(apiVersion, kind) && attempt < 50; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      await stage.refresh()
    }
    const [document] = stage.documents({ name: 'random', namespace: kindsNamespace, yaml: text })
    if (document === undefined) return
    const { manifest } = document
    const answer = random.chance(0.7) ? await stage.apply(document) : undefined
    if (answer !== undefined && answer.status < 300) return void applied.set(refKey(manifest.ref), manifest)
    const query = `?fieldManager=${AGENT}`
    const created = await stage.send('POST', stage.collection(manifest.object) + query, manifest.object)
    if (created.status < 300) applied.set(refKey(manifest.ref), manifest)
    else if (created.status !== 409)
      console.log(`not taken: ${refKey(manifest.ref)}: ${messageOf(created).slice(0, 120)}`)
  }

  const compared = async (): Promise<Row[]> => (await stage.diff([source])).get('random') ?? []
  const settled = async (): Promise<string[]> =>
    (await compared()).filter(({ status }) => status !== 'inSync' && status !== 'unattainable').map(told)

  it('find no drift where nobody changed anything', async () => {
    const kinds = new Set([...applied.values()].map(({ ref }) => `${ref.group}/${ref.kind}`))
    console.log(`${applied.size} objects of ${kinds.size} kinds`)
    assert.ok(kinds.size >= 30, [...kinds].join(' '))
    assertNone(await settled())
  })

  for (const round of [1, 2, 3]) {
    it(`find exactly the field that was changed, put it back, find none (round ${round})`, async () => {
      const made = new Map<string, string[]>()
      await parallel([...applied.values()], async (manifest) => {
        const key = refKey(manifest.ref)
        const change = await changeSomething(stage, manifest, Random.named(seed, `${round} ${key}`))
        if (change !== undefined) made.set(key, change.paths)
      })
      console.log(`${made.size} changes`)
      const wrong: string[] = []
      for (const row of await compared()) {
        const paths = made.get(refKey(row.ref))
        const found = row.changes.map(({ path }) => formatPointer(path))
        if (paths === undefined) {
          if (row.status === 'modified') wrong.push(`nobody changed: ${told(row)}`)
        } else if (!isTold(paths, found)) wrong.push(`${paths.join(' ')} is told as ${told(row)}`)
      }
      await forms.refresh()
      await parallel([...made.keys()], (key) => putBack(applied.get(key)!))
      assertNone(wrong)
      assertNone(await settled())
    })
  }

  async function putBack(manifest: Manifest): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        const form = await forms.form(manifest)
        assert.ok('canonical' in form, stringifyJson(form))
        const { canonical } = form
        const live = await stage.must(
          'GET',
          stage.path({ ...manifest.object, apiVersion: canonical.object.apiVersion }),
        )
        const shape = forms.shapeOf(manifest)
        const allowances = bookkeepingOf(manifest.object, live)
        const differences = compare(canonical, live, { shape, allowances, manifest: manifest.object })
        const agent = agentEntry(live, manifest.object, (manager) => manager === AGENT, shape)
        const repaired = await repairer.putBack({ manifest, canonical, live, differences, agent })
        await repairer.finish({ manifest, live: repaired, agent, stamps: noStamps, shape })
        return
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (error.status === 409 && attempt < 30) {
          // Its controller is at it.
          await new Promise((resolve) => setTimeout(resolve, 100))
          continue
        }
        if (error.status !== 422 && error.status !== 403) throw error
        // What cannot be changed back (a claim that grew, a ConfigMap made immutable) is told, and left out from here on.
        console.log(`stays: ${error.message.slice(0, 160)}`)
        applied.delete(refKey(manifest.ref))
        source.yaml = [...applied.values()].map(({ object }) => stringifyJson(object)).join('\n---\n')
        return
      }
    }
  }
})

/** An older Kubernetes, which is asked for by name, has not got every kind that the pinned one has. */
function isMissing(apiVersion: string): boolean {
  return process.env['KUBERNETES_VERSION'] !== undefined && /\.k8s\.io\//.test(apiVersion)
}

/** All of it belongs in the message: it is what there is to find the cause by. */
function assertNone(wrong: readonly string[]): void {
  assert.equal(wrong.length, 0, `DRIFT_SEED=${seed}\n${wrong.join('\n')}`)
}
