/**
 * Fifty kinds of repair, for each way in which agents write: managedFields and content are afterwards as they were, and
 * what Git then drops the agent removes, as if nobody had ever been there.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CanonicalForms } from '../../src/cluster/canonical.ts'
import { Shapes } from '../../src/cluster/shapes.ts'
import { bookkeepingOf } from '../../src/drift/bookkeeping.ts'
import { compare } from '../../src/drift/compare.ts'
import { ClusterObjects } from '../../src/guard/cluster-objects.ts'
import type { Manifest } from '../../src/model/desired.ts'
import type { Json, KubeObject } from '../../src/model/json.ts'
import type { Path } from '../../src/model/path.ts'
import type { Agent } from '../../src/model/policy.ts'
import { cloneJson, fieldOf, isObject } from '../../src/object/json.ts'
import { formatPath, getAt } from '../../src/object/path.ts'
import { stampAllowances } from '../../src/policy/stamps.ts'
import { agentEntry } from '../../src/reconcile/agent-writer.ts'
import { readManagedFields } from '../../src/reconcile/managed-fields.ts'
import { Repairer } from '../../src/reconcile/repair.ts'
import { readStamps } from '../../src/reconcile/stamps.ts'
import { parallel } from '../drift/run-cases.ts'
import { Stage } from '../drift/stage.ts'
import { agentWays, type AgentWay } from './agent-ways.ts'
import { definition, repairs, type Repair } from './repairs.ts'

/** One repair in the hands of one agent, and what came of it. */
interface Trial {
  repair: Repair
  manifest: Manifest
  before?: KubeObject
  changed?: KubeObject
  after?: KubeObject
  dropped?: KubeObject
  error?: Error
}

let stage: Stage
let forms: CanonicalForms
let repairer: Repairer
before(async () => {
  stage = await Stage.start({ controllers: false })
  const [document] = stage.documents({ name: 'kind', yaml: definition })
  await stage.must('POST', stage.collection(document!.manifest.object), document!.manifest.object)
  for (let attempt = 0; !stage.serves('own.example/v1', 'Widget') && attempt < 100; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    await stage.refresh()
  }
  const { api, discovery } = stage
  forms = new CanonicalForms({ api, discovery, shapes: new Shapes(api) })
  await forms.refresh()
  repairer = new Repairer(new ClusterObjects(api, discovery))
})
after(() => stage.stop())

for (const [index, way] of agentWays.entries()) {
  describe(way.name, () => {
    const trials: Trial[] = []
    before(async () => {
      const namespace = `own-${index}`
      await stage.namespace(namespace)
      trials.push(...repairs.map((repair, place) => trialOf(repair, namespace, place)))
      await tryAll(way, trials)
    })
    for (const [place, repair] of repairs.entries()) {
      it(`leave no trace of the repair of ${repair.name}`, () => {
        const { before, changed, after, error } = trials[place]!
        if (error !== undefined) throw error
        if (changed !== undefined) assert.notDeepEqual(content(changed), content(before!))
        assert.deepEqual(content(after!), content(before!))
        assert.deepEqual(ownership(after!), ownership(before!))
      })
      it(`let the agent drop ${formatPath(repair.drop)} after the repair of ${repair.name}`, () => {
        const { before, dropped, error } = trials[place]!
        if (error !== undefined) throw error
        const { drop } = repair
        assert.notEqual(placeIn(before!, drop), undefined)
        assert.notDeepEqual(getAt(dropped, drop), getAt(before, drop))
      })
    }
  })
}

/** Names are their places: many start from the same manifest. */
function trialOf(repair: Repair, namespace: string, place: number): Trial {
  const yaml = repair.git.replaceAll('$NS', namespace)
  const [manifest] = stage.manifests({ name: 'own', namespace, yaml })
  const object = cloneJson(manifest!.object)
  const name = `${String(object.metadata['name'])}-${place}`
  object.metadata['name'] = name
  return {
    repair,
    manifest: { ...manifest!, object, ref: { ...manifest!.ref, name }, hash: `${namespace} ${place}` },
  }
}

async function tryAll(way: AgentWay, trials: readonly Trial[]): Promise<void> {
  await way.bring(
    stage,
    trials.map(({ manifest }) => manifest),
  )
  await parallel(trials, async (trial) => {
    try {
      await change(trial)
      await (trial.changed === undefined ? createAgain(way, trial) : putBack(way, trial))
    } catch (error) {
      trial.error = error as Error
    }
  })
  await way.bring(
    stage,
    trials.map(({ manifest, repair }) => ({ ...manifest, object: without(manifest.object, repair.drop) })),
  )
  await parallel(trials, async (trial) => {
    trial.dropped = await stage.must('GET', stage.path(trial.manifest.object))
  })
}

async function change(trial: Trial): Promise<void> {
  const { change } = trial.repair
  const path = stage.path(trial.manifest.object)
  trial.before = await stage.must('GET', path)
  if (change === undefined) return void (await stage.must('DELETE', path))
  const [type, body] = Array.isArray(change)
    ? ['json-patch', change]
    : isObject(change) && change['strategic'] !== undefined
      ? ['strategic-merge-patch', change['strategic']]
      : ['merge-patch', change]
  await stage.must(
    'PATCH',
    `${path}?fieldManager=kubectl-edit`,
    body as Json,
    `application/${type as string}+json`,
  )
  trial.changed = await stage.must('GET', path)
}

async function putBack(way: AgentWay, trial: Trial): Promise<void> {
  const { manifest, changed: live } = trial
  const form = await forms.form(manifest)
  assert.ok('canonical' in form, JSON.stringify(form))
  const { canonical } = form
  const shape = forms.shapeOf(manifest)
  const allowances = [...bookkeepingOf(manifest.object, live!), ...stampsOf(way)]
  const differences = compare(canonical, live!, { shape, allowances, manifest: manifest.object })
  assert.ok(differences.changes.length > 0, 'it was not found')
  const isAgent = (manager: string) => manager === way.manager
  // Where nothing of the agent's is left, how it writes is known from what else it brought in.
  const agent =
    agentEntry(live!, manifest.object, isAgent, shape) ??
    agentEntry(trial.before!, manifest.object, isAgent, shape)
  const put = await repairer.putBack({ manifest, canonical, live: live!, differences, agent })
  await repairer.finish({ manifest, live: put, agent, stamps: readStamps(put, manifest.object), shape })
  trial.after = await stage.must('GET', stage.path(manifest.object))
}

async function createAgain(way: AgentWay, trial: Trial): Promise<void> {
  const { manifest, before } = trial
  const shape = forms.shapeOf(manifest)
  const stamps = readStamps(before!, manifest.object)
  const agent = agentEntry(before!, manifest.object, (manager) => manager === way.manager, shape)
  const made = await repairer.create({ manifest, agent, stamps })
  await repairer.finish({ manifest, live: made, agent, stamps, shape })
  trial.after = await stage.must('GET', stage.path(manifest.object))
}

function stampsOf({ preset }: AgentWay) {
  const agents: Agent[] = preset === undefined ? [] : [{ name: preset, users: [] }]
  return stampAllowances(agents)
}

/** managedFields without times and in an order of their own. */
function ownership(object: KubeObject): unknown {
  return readManagedFields(object)
    .map(({ fields, time: _, ...entry }) => ({
      ...entry,
      fields: [...fields.paths()].map((path) => path.join(' ')).toSorted(),
    }))
    .toSorted((a, b) => `${a.manager}${a.operation}`.localeCompare(`${b.manager}${b.operation}`))
}

/** All but what every write changes, or what the server makes up anew. */
function content(object: KubeObject): KubeObject {
  const kept = cloneJson(object)
  for (const key of ['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp'])
    delete kept.metadata[key]
  delete kept['status']
  const spec = kept['spec']
  if (kept.kind === 'Service' && isObject(spec))
    for (const key of ['clusterIP', 'clusterIPs']) delete spec[key]
  return kept
}

/** A manifest without what is at a path. */
function without(object: KubeObject, path: Path): KubeObject {
  const copy = cloneJson(object)
  const [parent, last] = [placeIn(copy, path.slice(0, -1)), path.at(-1)!]
  if (isObject(parent) && typeof last === 'string') delete parent[last]
  else if (Array.isArray(parent) && typeof last === 'object' && 'keys' in last) {
    parent.splice(
      parent.findIndex((item) => isNamed(item, last.keys)),
      1,
    )
  }
  return copy
}

function placeIn(value: Json, path: Path): Json | undefined {
  let current: Json | undefined = value
  for (const segment of path)
    current =
      typeof segment === 'object' && 'keys' in segment && Array.isArray(current)
        ? current.find((item) => isNamed(item, segment.keys))
        : getAt(current, [segment])
  return current
}

/** The manifest may leave a key to the server. */
function isNamed(item: Json, keys: { [key: string]: Json }): boolean {
  return Object.keys(keys).every((key) => (fieldOf(item, key) ?? 'TCP') === keys[key])
}
