import assert from 'node:assert/strict'
import { availableParallelism, loadavg } from 'node:os'
import { after, afterEach, before, describe, it } from 'node:test'
import { startControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ControlPlane } from '../../test/control-plane/control-plane.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import { formatPath } from '../object/path.ts'
import { ClusterApi } from './api.ts'
import { connect } from './connection.ts'
import { Keeper } from './keep.ts'
import type { KeeperOptions, Restoration } from './keep.ts'
import { isPlatformAddition } from './platform-additions.ts'

const RESOURCE = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
}
const MERGE = { type: 'application/merge-patch+json' } as const

function configuration(name: string, url = 'https://127.0.0.1:1/a'): KubeObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name, labels: { app: 'guard' } },
    webhooks: [
      {
        name: 'guard.example.org',
        clientConfig: { url },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['x'] }],
        },
        rules: [
          {
            apiGroups: ['example.org'],
            apiVersions: ['v1'],
            resources: ['nothings'],
            operations: ['CREATE'],
          },
        ],
      },
    ],
  }
}

/** A second on an idle machine; where others use it too, as much more as they do. */
const slack = () => Math.max(1, loadavg()[0]! / availableParallelism())

async function until(what: string, check: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await check())) {
    if (Date.now() > end) assert.fail(`${what}: not within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('a keeper on a real API server', () => {
  let plane: ControlPlane
  let own: ClusterApi
  let other: ClusterApi
  const running: Keeper[] = []
  let restorations: Restoration[] = []

  before(async () => {
    plane = await startControlPlane({ kubeControllerManager: false })
    own = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('admin') }))
    other = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('alice') }), {
      fieldManager: 'kubectl-edit',
    })
  })
  after(async () => {
    own.connection.close()
    other.connection.close()
    await plane.stop()
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((keeper) => keeper.stop()))
    restorations = []
  })

  function keep(
    name: string,
    wanted: () => KubeObject | undefined,
    options: Partial<KeeperOptions> = {},
  ): Keeper {
    const keeper = new Keeper({
      api: own,
      resource: RESOURCE,
      name,
      wanted,
      onRestored: (restoration) => void restorations.push(restoration),
      ...options,
    })
    running.push(keeper)
    keeper.start()
    return keeper
  }

  const read = async (name: string) =>
    (await own.get(RESOURCE, { name }).catch(() => ({ object: undefined }))).object
  const urlOf = async (name: string) => {
    const webhooks = (await read(name))?.['webhooks'] as JsonObject[] | undefined
    return fieldOf(webhooks?.[0]?.['clientConfig'], 'url')
  }

  it('create what is wanted, restore it when it is edited or deleted, and tell who did it', async () => {
    keep('edited', () => configuration('edited'))
    await until('created', async () => (await read('edited')) !== undefined)
    assert.equal(restorations.length, 0)
    const rogue = configuration('edited', 'https://127.0.0.1:1/rogue')['webhooks']!
    await other.patch(RESOURCE, { name: 'edited' }, { webhooks: rogue }, MERGE)
    await until('restored', () => restorations.length === 1)
    assert.equal(await urlOf('edited'), 'https://127.0.0.1:1/a')
    const [first] = restorations
    assert.equal(first?.manager, 'kubectl-edit')
    assert.ok(first.afterMs < 1_000, `${first.afterMs} ms`)
    assert.deepEqual(
      first.changes.map(({ op, path }) => `${op} ${formatPath(path)}`),
      ['replace webhooks[0].clientConfig.url'],
    )
    await other.delete(RESOURCE, { name: 'edited' })
    await until('restored again', () => restorations.length === 2)
    assert.equal(restorations[1]?.operation, 'deleted')
    assert.ok(await read('edited'))
  })

  it('take added webhooks, finalizers and removed labels back, and leave the labels of others', async () => {
    keep('added', () => configuration('added'))
    await until('created', async () => (await read('added')) !== undefined)
    await other.patch(RESOURCE, { name: 'added' }, { metadata: { labels: { theirs: 'x' } } }, MERGE)
    await other.patch(RESOURCE, { name: 'added' }, { metadata: { finalizers: ['example.org/x'] } }, MERGE)
    await until('the finalizer', () => restorations.length === 1)
    await other.patch(RESOURCE, { name: 'added' }, { metadata: { labels: { app: null } } }, MERGE)
    await until('the label', () => restorations.length === 2)
    const metadata = (await read('added'))?.metadata
    assert.deepEqual(metadata?.['labels'], { app: 'guard', theirs: 'x' })
    assert.equal(metadata?.['finalizers'], undefined)
  })

  it('put what is wanted now over what was there before', async () => {
    await own.create(RESOURCE, configuration('changing', 'https://127.0.0.1:1/old'))
    let url = 'https://127.0.0.1:1/1'
    const keeper = keep('changing', () => configuration('changing', url))
    await until('first', async () => (await urlOf('changing')) === url)
    url = 'https://127.0.0.1:1/2'
    await keeper.update()
    assert.equal(await urlOf('changing'), url)
    assert.equal(restorations.length, 0)
  })

  it('tolerate what the platform adds, say so, and nothing that looks like it', async () => {
    const tolerated: string[] = []
    keep('platform', () => configuration('platform'), {
      tolerate: isPlatformAddition,
      onTolerated: (changes) => void tolerated.push(...changes.map(({ path }) => formatPath(path))),
    })
    await until('created', async () => (await read('platform')) !== undefined)
    const add = (value: JsonObject) =>
      other.patch(
        RESOURCE,
        { name: 'platform' },
        [{ op: 'add', path: '/webhooks/0/namespaceSelector/matchExpressions/-', value }],
        { type: 'application/json-patch+json' },
      )
    await add({ key: 'control-plane', operator: 'NotIn', values: ['true'] })
    await until('tolerated', () => tolerated.length === 1)
    assert.equal(restorations.length, 0)
    await add({ key: 'control-plane', operator: 'NotIn', values: ['true', 'x'] })
    await until('restored', () => restorations.length === 1)
    const webhooks = (await read('platform'))?.['webhooks'] as JsonObject[]
    const expressions = fieldOf(webhooks[0]!['namespaceSelector'], 'matchExpressions')
    assert.equal((expressions as unknown[]).length, 1)
  })

  it('restore once when several replicas keep the same object', async () => {
    for (let replica = 0; replica < 3; replica++) keep('replicas', () => configuration('replicas'))
    await until('created', async () => (await read('replicas')) !== undefined)
    await new Promise((resolve) => setTimeout(resolve, 200))
    for (let round = 1; round <= 5; round++) {
      await other.delete(RESOURCE, { name: 'replicas' })
      await until(
        `round ${round}`,
        async () => restorations.length >= round && (await read('replicas')) !== undefined,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(restorations.length, 5)
  })

  it('put it back within a second, however often it is deleted', async () => {
    keep('again', () => configuration('again'))
    await until('created', async () => (await read('again')) !== undefined)
    for (let round = 1; round <= 60; round++) {
      await other.delete(RESOURCE, { name: 'again' })
      await until(`round ${round}`, () => restorations.length === round)
    }
    const longest = Math.max(...restorations.map(({ afterMs }) => afterMs))
    assert.ok(longest < 1000 * slack(), `the longest took ${Math.round(longest)} ms`)
  })

  it('leave the object in place when stopped, and let it go where nothing is wanted', async () => {
    const keeper = keep('left', () => configuration('left'))
    await until('created', async () => (await read('left')) !== undefined)
    await keeper.stop()
    assert.ok(await read('left'))
    await other.delete(RESOURCE, { name: 'left' })
    keep('left', () => undefined)
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(await read('left'), undefined)
  })
})
