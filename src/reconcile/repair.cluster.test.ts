import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ControlPlane } from '../../test/control-plane/control-plane.ts'
import type { Manifest } from '../model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange, Path } from '../model/path.ts'
import { agentEntry } from './agent-writer.ts'
import type { AgentWriter } from './agent-writer.ts'
import { readManagedFields } from './managed-fields.ts'
import { targetOf } from './objects.ts'
import { Repairer } from './repair.ts'
import { noStamps, readStamps } from './stamps.ts'
import { ClusterApi } from '../cluster/api.ts'
import { connect } from '../cluster/connection.ts'
import { Discovery } from '../cluster/discovery.ts'
import { ClusterObjects } from '../guard/cluster-objects.ts'
import { collectionOf, pathOf } from './testing/api-path.ts'

/** How an agent brings a manifest in, and what it is to say in managedFields. */
interface AgentWay {
  name: string
  manager: string
  bring(manifest: KubeObject): Promise<void>
}

/** A change by hand, the paths that differ after it, and what the manifest then loses. */
interface Case {
  name: string
  manifest: KubeObject
  rogue: JsonObject
  type?:
    'application/merge-patch+json' | 'application/strategic-merge-patch+json' | 'application/json-patch+json'
  paths: Path[]
  /** Takes a repaired field out of the manifest, and says how to see that it is gone. */
  drop?: { from(manifest: KubeObject): void; gone(live: KubeObject): unknown }
}

const merge = 'application/merge-patch+json'
const strategic = 'application/strategic-merge-patch+json'

const meta = (name: string, more: JsonObject = {}): JsonObject => ({ name, namespace: 'shop', ...more })

function deployment(name: string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(name, { labels: { app: name, tier: 'web' }, annotations: { note: 'from Git' } }),
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          securityContext: { runAsNonRoot: true, fsGroup: 1 },
          containers: [
            {
              name: 'web',
              image: 'podinfo:1',
              args: ['a', 'b'],
              env: [
                { name: 'A', value: '1' },
                { name: 'B', value: '2' },
              ],
              ports: [
                { name: 'dns', containerPort: 53, protocol: 'UDP' },
                { name: 'http', containerPort: 80 },
              ],
              resources: { limits: { cpu: '1', memory: '64Mi' } },
              readinessProbe: { httpGet: { path: '/', port: 80 } },
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
          volumes: [{ name: 'data', emptyDir: {} }],
        },
      },
    },
  }
}

const spec = (...path: Path): Path => ['spec', 'template', 'spec', ...path]
const container = (...path: Path): Path => spec('containers', { keys: { name: 'web' }, index: 0 }, ...path)
const inPod = (body: JsonObject): JsonObject => ({ spec: { template: { spec: body } } })
const inContainer = (body: JsonObject): JsonObject => inPod({ containers: [{ name: 'web', ...body }] })

const cases: Case[] = [
  {
    name: 'a changed value of a ConfigMap with one key',
    manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('one-key'), data: { a: '1' } },
    rogue: { data: { a: '2' } },
    paths: [['data', 'a']],
  },
  {
    name: 'a removed and an added key',
    manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('keys'), data: { a: '1', b: '2' } },
    rogue: { data: { a: null, c: '3' } },
    paths: [
      ['data', 'a'],
      ['data', 'c'],
    ],
    drop: {
      from: (manifest) => delete (manifest['data'] as JsonObject)['a'],
      gone: (live) => (live['data'] as JsonObject)['a'],
    },
  },
  {
    name: 'labels: one changed, one added, all annotations removed',
    manifest: deployment('labels'),
    rogue: { metadata: { labels: { tier: 'x', extra: 'y' }, annotations: { note: null } } },
    paths: [
      ['metadata', 'labels', 'tier'],
      ['metadata', 'labels', 'extra'],
      ['metadata', 'annotations', 'note'],
    ],
    drop: {
      from: (manifest) => delete (manifest.metadata['labels'] as JsonObject)['tier'],
      gone: (live) => (live.metadata['labels'] as JsonObject)['tier'],
    },
  },
  {
    name: 'all labels removed',
    manifest: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: meta('bare', { labels: { a: 'b' } }),
      data: { a: '1' },
    },
    rogue: { metadata: { labels: null } },
    paths: [['metadata', 'labels']],
    drop: { from: (manifest) => delete manifest.metadata['labels'], gone: (live) => live.metadata['labels'] },
  },
  {
    name: 'image, an env entry removed, one added, a port gone',
    type: strategic,
    manifest: deployment('image'),
    rogue: inContainer({
      image: 'evil:1',
      env: [
        { name: 'A', $patch: 'delete' },
        { name: 'C', value: '3' },
      ],
      ports: [{ containerPort: 80, $patch: 'delete' }],
    }),
    paths: [
      container('image'),
      container('env', { keys: { name: 'A' }, index: 0 }),
      container('env', { keys: { name: 'C' }, index: 2 }),
      container('ports', { keys: { containerPort: 80, protocol: 'TCP' }, index: 1 }),
    ],
    drop: {
      from: (manifest) => {
        const [web] = (manifest as any).spec.template.spec.containers // eslint-disable-line
        web.env.shift()
      },
      gone: (live) => (live as any).spec.template.spec.containers[0].env.find((e: any) => e.name === 'A'), // eslint-disable-line
    },
  },
  {
    name: 'objects removed as a whole: securityContext, resources, probe',
    type: strategic,
    manifest: deployment('wholes'),
    rogue: inPod({
      securityContext: null,
      containers: [{ name: 'web', resources: null, readinessProbe: null }],
    }),
    paths: [spec('securityContext'), container('resources'), container('readinessProbe')],
    drop: {
      from: (manifest) => delete (manifest as any).spec.template.spec.containers[0].readinessProbe, // eslint-disable-line
      gone: (live) => (live as any).spec.template.spec.containers[0].readinessProbe, // eslint-disable-line
    },
  },
  {
    name: 'args in another order, a default set to something else, a sidecar with its volume',
    type: strategic,
    manifest: deployment('sidecar'),
    rogue: {
      spec: {
        paused: true,
        template: {
          spec: {
            dnsPolicy: 'Default',
            containers: [
              { name: 'web', args: ['b', 'a'] },
              { name: 'evil', image: 'evil:1', volumeMounts: [{ name: 'x', mountPath: '/x' }] },
            ],
            volumes: [{ name: 'x', emptyDir: {} }],
          },
        },
      },
    },
    paths: [
      ['spec', 'paused'],
      spec('dnsPolicy'),
      container('args', 0),
      container('args', 1),
      spec('containers', { keys: { name: 'evil' }, index: 1 }),
      spec('volumes', { keys: { name: 'x' }, index: 1 }),
    ],
  },
  {
    name: 'a finalizer and an ownerReference added',
    manifest: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: meta('finalizers', { finalizers: ['a.dev/x'] }),
      data: { a: '1' },
    },
    rogue: {
      metadata: {
        finalizers: ['a.dev/x', 'b.dev/y'],
        ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'x', uid: '1' }],
      },
    },
    paths: [
      ['metadata', 'finalizers', { value: 'b.dev/y', index: 1 }],
      ['metadata', 'ownerReferences'],
    ],
  },
  {
    name: 'a Service port of the same number lost',
    manifest: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta('dns'),
      spec: {
        selector: { app: 'dns' },
        ports: [
          { name: 'udp', port: 53, protocol: 'UDP', targetPort: 53 },
          { name: 'tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        ],
      },
    },
    rogue: {
      spec: { type: 'NodePort', ports: [{ name: 'udp', port: 53, protocol: 'UDP', targetPort: 53 }] },
    },
    paths: [
      ['spec', 'type'],
      ['spec', 'externalTrafficPolicy'],
      ['spec', 'ports', { keys: { port: 53, protocol: 'UDP' }, index: 0 }, 'nodePort'],
      ['spec', 'ports', { keys: { port: 53, protocol: 'TCP' }, index: 1 }],
    ],
  },
  {
    name: 'a Secret value, with stringData in Git',
    manifest: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: meta('secret'),
      type: 'Opaque',
      stringData: { password: 'x' },
      data: { user: 'eA==' },
    },
    rogue: { data: { password: 'ZXZpbA==', user: 'ZXZpbA==' } },
    paths: [
      ['data', 'password'],
      ['data', 'user'],
    ],
  },
  {
    name: 'a rule of a Role',
    manifest: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: meta('reader'),
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
    },
    rogue: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'delete'] }] },
    paths: [['rules', 0, 'verbs', 1]],
  },
  {
    name: 'a spec of a custom resource: maps of maps, a list of objects',
    manifest: {
      apiVersion: 'test.dev/v1',
      kind: 'Widget',
      metadata: meta('widget'),
      spec: {
        size: 1,
        parts: { left: { colour: 'red' }, right: { colour: 'blue' } },
        free: { deep: { x: 1 } },
      },
    },
    rogue: { spec: { size: 2, parts: { left: null }, free: { deep: null } } },
    paths: [
      ['spec', 'size'],
      ['spec', 'parts', 'left'],
      ['spec', 'free', 'deep'],
    ],
    drop: {
      from: (manifest) => delete (manifest as any).spec.parts.left, // eslint-disable-line
      gone: (live) => (live as any).spec.parts.left, // eslint-disable-line
    },
  },
]

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.dev' },
  spec: {
    group: 'test.dev',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  parts: {
                    type: 'object',
                    additionalProperties: { type: 'object', properties: { colour: { type: 'string' } } },
                  },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                },
              },
            },
          },
        },
      },
    ],
  },
}

/** managedFields without times, in a stable order. */
function ownership(object: KubeObject): unknown {
  return readManagedFields(object)
    .map(({ manager, operation, apiVersion, subresource, fields }) => ({
      manager,
      operation,
      apiVersion,
      subresource,
      fields: [...fields.paths()].map((path) => path.join(' ')).toSorted(),
    }))
    .toSorted((a, b) => `${a.manager}${a.operation}`.localeCompare(`${b.manager}${b.operation}`))
}

/** What users see of an object: without what every write changes. */
function content(object: KubeObject): KubeObject {
  const kept = structuredClone(object)
  delete kept['status']
  for (const key of ['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp']) {
    delete kept.metadata[key]
  }
  return kept
}

function manifestOf(object: KubeObject): Manifest {
  const { kind, namespace, name } = targetOf(object)
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0]! : ''
  const origin = { file: 'a.yaml', line: 1, revision: 'r' }
  return { ref: { group, kind, namespace, name }, object, origin, hash: JSON.stringify(object) }
}

describe('repair that leaves no trace', { concurrency: false }, () => {
  let plane: ControlPlane
  let objects: ClusterObjects
  let closing: () => void
  let repairer: Repairer

  before(async () => {
    plane = await startControlPlane({ kubeControllerManager: false })
    await plane.api('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
    await plane.api('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd)
    for (let tries = 0; tries < 50; tries++) {
      const { status } = await plane.api('GET', '/apis/test.dev/v1/namespaces/shop/widgets')
      if (status === 200) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const api = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('admin') }))
    const discovery = new Discovery({ api })
    await discovery.refresh()
    objects = new ClusterObjects(api, discovery)
    closing = () => api.connection.close()
    repairer = new Repairer(objects)
  })
  after(async () => {
    closing()
    await plane.stop()
  })

  const ways = (): AgentWay[] => [
    {
      name: 'server-side apply',
      manager: 'kustomize-controller',
      bring: async (manifest) => {
        await objects.apply(structuredClone(manifest), { fieldManager: 'kustomize-controller', force: true })
      },
    },
    {
      name: 'client-side apply',
      manager: 'kubectl-client-side-apply',
      bring: async (manifest) => {
        const { code, stderr } = await plane.kubectl('admin', ['apply', '-f', '-'], {
          stdin: JSON.stringify(manifest),
        })
        assert.equal(code, 0, stderr)
      },
    },
    {
      name: 'POST',
      manager: 'ci',
      bring: async (manifest) => {
        const live = await objects.get(targetOf(manifest))
        if (live === undefined) await objects.create(structuredClone(manifest), { fieldManager: 'ci' })
        else
          await objects.put(
            {
              ...structuredClone(manifest),
              metadata: { ...manifest.metadata, resourceVersion: live.metadata['resourceVersion']! },
            },
            { fieldManager: 'ci' },
          )
      },
    },
  ]

  for (const index of [0, 1, 2]) {
    const wayName = ['server-side apply', 'client-side apply', 'POST'][index]!
    for (const one of cases) {
      it(`restore ownership and content after ${one.name} (${wayName})`, async () => {
        const way = ways()[index]!
        const manifest = structuredClone(one.manifest)
        manifest.metadata['name'] = `${String(manifest.metadata['name'])}-${index}`
        const target = targetOf(manifest)
        await way.bring(manifest)
        const before = (await objects.get(target))!
        const path = `${pathOf(target)}?fieldManager=rogue`
        const { status, body } = await plane.api('PATCH', path, one.rogue, one.type ?? merge)
        assert.equal(status, 200, JSON.stringify(body))
        const live = (await objects.get(target))!
        assert.notDeepEqual(content(live), content(before))

        const changes: FieldChange[] = one.paths.map((path) => ({ path, op: 'replace' }))
        const isAgent = (manager: string) => manager === way.manager
        const entry = agentEntry(live, manifest, isAgent)
        const agent: AgentWriter = {
          manager: way.manager,
          operation: entry?.operation ?? (index === 0 ? 'Apply' : 'Update'),
          apiVersion: manifest.apiVersion,
        }
        const put = await repairer.putBack({
          manifest: manifestOf(manifest),
          canonical: { object: before, generated: [] },
          live,
          differences: { changes, covered: [] },
          agent,
        })
        await repairer.finish({
          manifest: manifestOf(manifest),
          live: put,
          agent,
          stamps: readStamps(put, manifest),
        })

        const after = (await objects.get(target))!
        assert.deepEqual(content(after), content(before))
        assert.deepEqual(ownership(after), ownership(before))
        const generations =
          Number(after.metadata['generation'] ?? 0) - Number(live.metadata['generation'] ?? 0)
        assert.ok(generations <= 1, `${generations} new generations`)

        if (one.drop !== undefined) {
          one.drop.from(manifest)
          await way.bring(manifest)
          assert.equal(one.drop.gone((await objects.get(target))!), undefined)
        }
      })
    }

    for (const one of [cases[1]!, deploymentCase(), cases.at(-1)!]) {
      it(`create a missing ${one.manifest.kind} as the agent did (${wayName})`, async () => {
        const way = ways()[index]!
        const manifest = structuredClone(one.manifest)
        const target = targetOf(manifest)
        await plane.api('DELETE', pathOf(target))
        await way.bring(manifest)
        const before = (await objects.get(target))!
        await plane.api('DELETE', pathOf(target))

        const stamps = readStamps(before, manifest)
        const agent = agentEntry(before, manifest, (manager) => manager === way.manager)!
        const missing = { manifest: manifestOf(manifest), agent, stamps }
        const made = await repairer.create(missing)
        await repairer.finish({ ...missing, live: made })
        const after = (await objects.get(target))!
        assert.deepEqual(content(after), content(before))
        assert.deepEqual(ownership(after), ownership(before))
        await assert.rejects(repairer.create(missing), { status: 409 })

        one.drop!.from(manifest)
        await way.bring(manifest)
        assert.equal(one.drop!.gone((await objects.get(target))!), undefined)
      })
    }
  }

  it('refuse to overwrite a newer version', async () => {
    const manifest = structuredClone(cases[0]!.manifest)
    const target = targetOf(manifest)
    await plane.api('DELETE', pathOf(target))
    await plane.api('POST', collectionOf(target), manifest)
    const live = (await objects.get(target))!
    await plane.api('PATCH', pathOf(target), { data: { other: 'newer' } }, merge)
    const changes: FieldChange[] = [{ path: ['data', 'a'], op: 'replace' }]
    const differences = { changes, covered: [] }
    const canonical = { object: live, generated: [] }
    const plan = { manifest: manifestOf(manifest), canonical, live, differences, agent: undefined }
    await assert.rejects(repairer.putBack(plan), { status: 409 })
  })

  it('finish a repair that was cut in two, on a newer version too', async () => {
    const manifest = structuredClone(cases[1]!.manifest)
    const target = targetOf(manifest)
    await plane.api('DELETE', pathOf(target))
    await objects.apply(structuredClone(manifest), { fieldManager: 'kustomize-controller', force: true })
    const before = (await objects.get(target))!
    await plane.api('PATCH', `${pathOf(target)}?fieldManager=rogue`, { data: { a: 'x' } }, merge)
    const live = (await objects.get(target))!
    const agent: AgentWriter = { manager: 'kustomize-controller', operation: 'Apply', apiVersion: 'v1' }
    const changes: FieldChange[] = [{ path: ['data', 'a'], op: 'replace' }]
    const put = await repairer.putBack({
      manifest: manifestOf(manifest),
      canonical: { object: before, generated: [] },
      live,
      differences: { changes, covered: [] },
      agent,
    })
    await plane.api('PATCH', `${pathOf(target)}?fieldManager=rogue`, { data: { z: 'x' } }, merge)
    await repairer.finish({ manifest: manifestOf(manifest), live: put, agent, stamps: noStamps })
    const after = (await objects.get(target))!
    assert.equal((after['data'] as JsonObject)['z'], 'x' satisfies Json)
    const fluxes = (object: KubeObject) =>
      (ownership(object) as { manager: string }[]).filter(({ manager }) => manager !== 'rogue')
    assert.deepEqual(fluxes(after), fluxes(before))
  })
})

function deploymentCase(): Case {
  return cases.find(({ manifest }) => manifest.metadata['name'] === 'image')!
}
