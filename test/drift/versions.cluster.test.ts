/** Kinds whose versions somebody else converts: an aggregated API server, and a conversion webhook. Git declares the older one. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { GuardRun } from '../e2e/guard-run.ts'
import { inNamespace, namespace } from '../e2e/manifests.ts'
import { AGENT, Stage } from '../e2e/stage.ts'
import { until } from '../e2e/until.ts'
import {
  atVersion,
  startAggregatedServer,
  type AggregatedServer,
  type Gadget,
} from '../support/aggregated-server.ts'
import type { TestRepository } from '../git/test-repository.ts'
import { startConversionWebhook, type ConversionWebhook } from '../support/conversion-webhook.ts'
import { RawRequests } from './raw-requests.ts'

const TRIED = 'tried.example'
const BLIND = 'blind.example'
const CONVERTED = 'converted.example'
const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'

let stage: Stage
let guard: GuardRun
let repository: TestRepository
let somebody: RawRequests
let agent: RawRequests
const servers = new Map<string, AggregatedServer>()
let conversion: ConversionWebhook

const manifest = (group: string, parts = '  parts: [{ name: a, size: 1 }]\n') =>
  `apiVersion: ${group}/v1beta1
kind: Gadget
metadata:
  name: one
spec:
  colour: blue
${parts}`

/** Each group is declared by a source of its own, in a namespace of its own. */
const sourceOf = (group: string) => group.replace('.example', '')
const pathOf = (group: string, version = 'v1') =>
  `/apis/${group}/${version}/namespaces/${sourceOf(group)}/gadgets/one`

before(async () => {
  stage = await Stage.open()
  const { plane } = stage
  somebody = new RawRequests(plane.kubeconfig(GUARD))
  agent = new RawRequests(plane.kubeconfig(AGENT))
  conversion = await startConversionWebhook<Gadget>((object, apiVersion) => {
    const [group = '', version = ''] = apiVersion.split('/')
    return atVersion(object, group, version)
  })
  await stage.apply(crd())
  for (const [group, dryRun] of [
    [TRIED, true],
    [BLIND, false],
  ] as const) {
    const name = sourceOf(group)
    await plane.webhookService('gadgets', name)
    const server = await startAggregatedServer(group, `${name}.gadgets.svc`, { dryRun })
    servers.set(group, server)
    await stage.apply(apiService(server, 'v1', 20), apiService(server, 'v1beta1', 10))
  }
  repository = stage.repository()
  for (const group of [TRIED, BLIND, CONVERTED]) {
    repository.write(`${sourceOf(group)}/namespace.yaml`, namespace(sourceOf(group)))
    repository.write(`${sourceOf(group)}/gadget.yaml`, manifest(group))
    await stage.apply(namespace(sourceOf(group)))
    await until(`${group} is served`, () => bring(group), { ms: 90_000 })
  }
  await until('the schemas are published', isPublished, { ms: 120_000 })
  stage.settledCommit(repository)
  const sources = [TRIED, BLIND, CONVERTED].map(sourceOf).map(
    (name) =>
      `  - { name: ${name}, repository: ${repository.path}, ref: { branch: main }, path: ${name}, namespace: ${name}, poll: 1s }
`,
  )
  guard = await stage.guard(
    'guard',
    `mode: enforce\nsources:\n${sources.join('')}agents:\n  - { user: ${AGENT}, managers: [deployer] }\n`,
  )
})

after(async () => {
  somebody?.close()
  agent?.close()
  await stage?.close()
  await conversion?.stop()
  for (const server of servers.values()) await server.stop()
})

/** As the agent does: it knows no server-side apply of the aggregated servers. */
async function bring(group: string): Promise<boolean> {
  if (group === CONVERTED)
    return stage.apply(inNamespace('converted', manifest(group))).then(
      () => true,
      () => false,
    )
  const body = {
    apiVersion: `${group}/v1beta1`,
    kind: 'Gadget',
    metadata: { name: 'one' },
    spec: { colour: 'blue', parts: [{ name: 'a', size: 1 }] },
  }
  const collection = pathOf(group, 'v1beta1').replace('/one', '')
  return (await agent.send('POST', collection, body)).status === 201
}

async function isPublished(): Promise<boolean> {
  const { body } = await stage.plane.api('GET', '/openapi/v3')
  const { paths } = body as { paths: object }
  return [TRIED, BLIND, CONVERTED].every((group) => `apis/${group}/v1beta1` in paths)
}

function apiService({ group, port, caBundle }: AggregatedServer, version: string, priority: number): string {
  return `apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: ${version}.${group} }
spec:
  group: ${group}
  version: ${version}
  groupPriorityMinimum: 1000
  versionPriority: ${priority}
  caBundle: ${caBundle}
  service: { namespace: gadgets, name: ${sourceOf(group)}, port: ${port} }
`
}

function crd(): string {
  const version = (name: string, color: string, storage: boolean) => `
    - name: ${name}
      served: true
      storage: ${storage}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                ${color}: { type: string }
                mode: { type: string, default: auto }
                parts:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items: { type: object, required: [name], properties: { name: { type: string }, size: { type: integer } } }`
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.${CONVERTED} }
spec:
  group: ${CONVERTED}
  scope: Namespaced
  names: { kind: Gadget, plural: gadgets, singular: gadget }
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: { url: "${conversion.url}", caBundle: ${conversion.caBundle} }
  versions:${version('v1', 'color', true)}${version('v1beta1', 'colour', false)}
`
}

/** What differs, by source. */
async function differences(): Promise<Record<string, string[]>> {
  const { stdout, stderr } = await stage.cli(['diff', ...guard.about, '-o', 'json'])
  assert.notEqual(stdout, '', stderr)
  const { objects } = JSON.parse(stdout) as { objects: Row[] }
  const gadgets = objects.filter(({ kind }) => kind === 'Gadget')
  const entries = gadgets.map(({ namespace: where, apiVersion, status, changes }): [string, string[]] => {
    assert.match(apiVersion, /\/v1beta1$/)
    return [where, [status, ...changes.map(({ op, path }) => `${op} ${path}`).toSorted()]]
  })
  return Object.fromEntries(entries)
}

interface Row {
  apiVersion: string
  kind: string
  namespace: string
  status: string
  changes: { op: string; path: string }[]
}

async function change(group: string): Promise<void> {
  // The guard may be writing it, as well.
  await until(`${group} is changed`, async () => {
    const { body } = await somebody.send('GET', pathOf(group))
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    const object = body as any
    object.spec.color = 'red'
    object.spec.mode = 'manual'
    object.spec.parts.push({ name: 'rogue', size: 2 })
    const answer = await somebody.send('PUT', `${pathOf(group)}?fieldManager=somebody`, object)
    assert.ok([200, 409].includes(answer.status), JSON.stringify(answer.body))
    return answer.status === 200
  })
}

test('no drift where nobody changed anything', async () => {
  assert.deepEqual(await differences(), { tried: ['inSync'], blind: ['inSync'], converted: ['inSync'] })
  assert.ok(conversion.calls > 0)
})

test('find what somebody changed at another version, at the one that Git declares; what was declared where nothing can be tried', async () => {
  for (const group of [TRIED, BLIND, CONVERTED]) await change(group)
  const all = ['modified', 'add /spec/parts/1', 'replace /spec/colour', 'replace /spec/mode']
  assert.deepEqual(await differences(), {
    tried: all,
    blind: ['modified', 'replace /spec/colour'],
    converted: all,
  })
})

test('put it back, write nothing else, and try nothing where trying is doing', async () => {
  await guard.start()
  for (const group of [TRIED, BLIND, CONVERTED]) {
    const spec = await until(
      `${group} is back`,
      async () => {
        const { spec: now } = await stage.get(pathOf(group))
        return now.color === 'blue' && now
      },
      { ms: 40_000, seen: () => stage.get(pathOf(group)) },
    )
    const blind = group === BLIND
    assert.equal(spec.mode, blind ? 'manual' : 'auto')
    assert.equal(spec.parts.length, blind ? 2 : 1)
  }
  for (const [group, { stored }] of servers)
    assert.deepEqual([...stored.keys()], [`${sourceOf(group)}/one`], 'no probe was stored')
  assert.deepEqual(await differences(), { tried: ['inSync'], blind: ['inSync'], converted: ['inSync'] })
})

/** What somebody unseen deleted may be the agent's doing: its time is waited out. Milliseconds. */
const PATIENCE = 120_000

test('make anew what was deleted, and hear of changes by the watch', async () => {
  for (const group of [TRIED, BLIND, CONVERTED]) {
    const { status } = await somebody.send('DELETE', pathOf(group))
    assert.equal(status, 200)
    await until(
      `${group} is there again`,
      async () => (await stage.get(pathOf(group)))?.spec.color === 'blue',
      { ms: PATIENCE },
    )
    await change(group)
    await until(`${group} is back`, async () => (await stage.get(pathOf(group)))?.spec.color === 'blue', {
      ms: PATIENCE,
    })
  }
})

test('a field that Git drops goes when the agent applies at its version', async () => {
  const path = pathOf(CONVERTED, 'v1beta1')
  const isAgents = async () => {
    const { metadata } = await stage.get(path)
    return metadata.managedFields.every(({ manager }: { manager: string }) => manager === 'deployer')
  }
  await until('only the agent is named', isAgents, { ms: PATIENCE, seen: () => stage.get(path) })
  repository.write('converted/gadget.yaml', manifest(CONVERTED, ''))
  const revision = repository.commit('No parts')
  const labels = { source: 'converted', revision }
  await until('it is read', async () => (await guard.metric('git_revision_info', labels)) === 1)
  await stage.apply(inNamespace('converted', manifest(CONVERTED, '')))
  assert.equal((await stage.get(path)).spec.parts, undefined)
})
