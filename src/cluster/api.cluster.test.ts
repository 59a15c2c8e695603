import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { startControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ControlPlane } from '../../test/control-plane/control-plane.ts'
import { BreakingProxy } from '../../test/support/breaking-proxy.ts'
import type { KubeObject } from '../model/json.ts'
import { ClusterApi } from './api.ts'
import type { RequestRecord } from './api.ts'
import { ApiError } from './api-error.ts'
import { connect } from './connection.ts'
import type { Connection } from './connection.ts'
import { Discovery } from './discovery.ts'

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true }
const SECRETS = { ...CONFIG_MAPS, resource: 'secrets', kind: 'Secret' }
const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

const configMap = (name: string, data: { [key: string]: string } = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
})

const isError = (status: number, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ApiError)
  assert.equal(error.status, status)
  assert.match(error.message, message)
  return true
}

describe('the API server as raw JSON', () => {
  let plane: ControlPlane
  let upstream: Connection
  let proxy: BreakingProxy
  let api: ClusterApi
  let records: RequestRecord[]

  before(async () => {
    plane = await startControlPlane({ kubeControllerManager: false })
    upstream = connect({ kubeconfig: plane.kubeconfig('admin') })
  })
  after(async () => {
    upstream.close()
    await plane.stop()
  })
  beforeEach(async () => {
    proxy = new BreakingProxy(upstream)
    await proxy.start()
    records = []
    api = new ClusterApi(proxy.connection(), { onRequest: (record) => void records.push(record) })
  })
  afterEach(async () => {
    api.connection.close()
    await proxy.stop()
  })

  it('write, read and remove, and record each request', async () => {
    const created = await api.create(CONFIG_MAPS, configMap('a', { __proto__: 'x', a: '1' } as never))
    assert.equal(created.status, 201)
    const { object } = await api.get(CONFIG_MAPS, { namespace: 'default', name: 'a' })
    object['data'] = { a: '2' }
    await api.update(CONFIG_MAPS, object, { query: { dryRun: 'All' } })
    await api.patch(
      CONFIG_MAPS,
      { namespace: 'default', name: 'a' },
      { data: { a: '3' } },
      { type: 'application/merge-patch+json' },
    )
    const applied = await api.apply(CONFIG_MAPS, configMap('a', { a: '4' }), { force: true })
    assert.deepEqual(applied.object['data'], { a: '4' })
    await assert.rejects(
      api.update(CONFIG_MAPS, object),
      isError(409, /^cannot update ConfigMap default\/a: .*modified/),
    )
    await api.delete(
      CONFIG_MAPS,
      { namespace: 'default', name: 'a' },
      { preconditions: { uid: String(object.metadata['uid']) } },
    )
    await assert.rejects(
      api.get(CONFIG_MAPS, { namespace: 'default', name: 'a' }),
      isError(404, /^cannot get ConfigMap default\/a: configmaps "a" not found/),
    )
    assert.deepEqual(
      records.map(({ verb, resource, dryRun, code }) => `${verb} ${resource} ${code}${dryRun ? ' dry' : ''}`),
      [
        'create configmaps 201',
        'get configmaps 200',
        'update configmaps 200 dry',
        'patch configmaps 200',
        'apply configmaps 200',
        'update configmaps 409',
        'delete configmaps 200',
        'get configmaps 404',
      ],
    )
  })

  it('repeat after 429 and 503 as asked, and not for ever', async () => {
    proxy.refuse(() => true, { status: 429, headers: { 'retry-after': '1' } })
    const start = performance.now()
    await api.create(CONFIG_MAPS, configMap('retried'))
    assert.ok(performance.now() - start >= 1_000)
    assert.deepEqual(
      records.map(({ code }) => code),
      [429, 201],
    )
    proxy.refuse(() => true, { status: 503 }, 2)
    await api.get(CONFIG_MAPS, { namespace: 'default', name: 'retried' })
    proxy.refuse(() => true, { status: 503 }, 3)
    await assert.rejects(
      api.get(CONFIG_MAPS, { namespace: 'default', name: 'retried' }, { retries: 1 }),
      (error: unknown) => error instanceof ApiError && error.status === 503 && error.transient,
    )
    proxy.refuse(() => false, { status: 503 })
  })

  it('not repeat what was refused for good, nor a 500', async () => {
    for (const status of [400, 403, 422, 500]) {
      proxy.refuse(() => true, { status })
      await assert.rejects(
        api.create(CONFIG_MAPS, configMap('x')),
        isError(status, /^cannot create ConfigMap default\/x: broken/),
      )
    }
    assert.equal(records.length, 4)
  })

  it('fail by its name when nothing comes, keep the cause, and work again', async () => {
    proxy.swallow(true)
    await assert.rejects(
      api.get(CONFIG_MAPS, { namespace: 'default', name: 'x' }, { timeoutMs: 200 }),
      (error: unknown) => {
        isError(
          0,
          /^cannot get ConfigMap default\/x as the API server must answer: no answer in 200 ms/,
        )(error)
        return (error as ApiError).cause !== undefined
      },
    )
    proxy.swallow(false)
    proxy.drop()
    assert.equal((await api.raw('/version')).status, 200)
    await proxy.stop()
    await assert.rejects(api.raw('/version'), isError(0, /ECONNREFUSED/))
    await proxy.start()
    assert.equal((await api.raw('/version')).status, 200)
  })

  it('end at once when it is told to', async () => {
    proxy.delay(5_000)
    const start = performance.now()
    await assert.rejects(api.raw('/version', { signal: AbortSignal.timeout(100) }), ApiError)
    assert.ok(performance.now() - start < 2_000)
    proxy.delay(0)
  })

  it('say what is wrong with a Secret without its values', async () => {
    const value = Buffer.from('{"auths":hunter22}').toString('base64')
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'default' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': value },
    }
    await assert.rejects(api.create(SECRETS, secret), (error: unknown) => {
      assert.ok(error instanceof ApiError)
      assert.doesNotMatch(
        JSON.stringify([error.message, error.serverMessage, error.details, error.stack]),
        /hunter22/,
      )
      return error.status === 422
    })
  })

  it('read a token again when it was replaced', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'connection-'))
    const kubeconfig = await plane.serviceAccount('default', 'rotating', { clusterAdmin: true })
    const text = await readFile(kubeconfig, 'utf8')
    const token = /token"?:\s*"?([\w.-]+)/.exec(text)?.[1]
    assert.ok(token)
    const file = join(directory, 'kubeconfig')
    await writeFile(file, text.replace(token, 'expired'))
    const connection = connect({ kubeconfig: file })
    try {
      const own = new ClusterApi(connection)
      await assert.rejects(own.list(CONFIG_MAPS), isError(401, /Unauthorized/))
      await writeFile(file, text)
      assert.equal((await own.list(CONFIG_MAPS)).status, 200)
      await writeFile(file, text.replace(token, 'expired'))
      connection.expire()
      await connection.authorize()
      await writeFile(file, text)
      // The one request that finds the token expired reads it anew.
      assert.equal((await own.list(CONFIG_MAPS)).status, 200)
    } finally {
      connection.close()
      await rm(directory, { recursive: true })
    }
  })

  it('refuse a context that is not there, and name those that are', () => {
    const kubeconfig = plane.kubeconfig('admin')
    assert.throws(
      () => connect({ kubeconfig, context: 'nowhere' }),
      /context must be one of .*: current value is nowhere/,
    )
    assert.throws(() => connect({ kubeconfig: '/nowhere/config' }), /ENOENT/)
  })

  it('know what is served, and learn of kinds that come and go', async () => {
    const discovery = new Discovery({ api, debounceMs: 50 })
    assert.equal(discovery.resourceFor('apps', 'Deployment'), undefined)
    assert.equal(await discovery.refresh(), true)
    assert.equal(await discovery.refresh(), false)
    assert.equal(discovery.serverVersion, plane.version)
    const deployment = discovery.resourceFor('apps', 'Deployment')
    assert.equal(deployment?.resource, 'deployments')
    assert.deepEqual(deployment.subresources.toSorted(), ['scale', 'status'])
    assert.equal(discovery.kindOf('rbac.authorization.k8s.io', 'clusterroles'), 'ClusterRole')
    assert.equal(discovery.namespaced('', 'Namespace'), false)
    assert.deepEqual(discovery.versionsOf('autoscaling', 'HorizontalPodAutoscaler'), ['v2', 'v1'])
    assert.equal(discovery.resourceFor('autoscaling', 'HorizontalPodAutoscaler', 'v1')?.version, 'v1')
    assert.equal(discovery.resourceFor('autoscaling', 'HorizontalPodAutoscaler', 'v7'), undefined)
    assert.ok(discovery.resources().length > 50)

    let told = 0
    const stop = discovery.watch(() => void told++)
    const served = async (isServed: boolean) => {
      for (let tries = 0; tries < 400; tries++) {
        if ((discovery.resourceFor('example.org', 'Gear') !== undefined) === isServed) return
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
      assert.fail(`Gear must ${isServed ? '' : 'not '}be served`)
    }
    try {
      const schema = { openAPIV3Schema: { type: 'object' } }
      await api.create(CRDS, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'gears.example.org' },
        spec: {
          group: 'example.org',
          scope: 'Cluster',
          names: { kind: 'Gear', plural: 'gears' },
          versions: [
            { name: 'v1', served: true, storage: true, schema },
            { name: 'v1beta1', served: true, storage: false, schema },
          ],
        },
      })
      await served(true)
      assert.equal(discovery.namespaced('example.org', 'Gear'), false)
      assert.equal(discovery.comparedVersion('example.org', 'Gear', 'v1beta1'), 'v1')
      assert.equal(discovery.comparedVersion('apps', 'Deployment', 'v1'), 'v1')
      assert.ok(told > 0)
      await api.delete(CRDS, { name: 'gears.example.org' })
      await served(false)
    } finally {
      stop()
    }
  })
})
