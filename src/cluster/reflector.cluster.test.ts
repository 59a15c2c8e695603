import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { startControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ControlPlane } from '../../test/control-plane/control-plane.ts'
import { BreakingProxy } from '../../test/support/breaking-proxy.ts'
import type { KubeObject } from '../model/json.ts'
import { ClusterApi } from './api.ts'
import { connect } from './connection.ts'
import type { Connection } from './connection.ts'
import { Reflector } from './reflector.ts'
import type { ReflectorOptions } from './reflector.ts'

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true }
const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const GADGETS = { group: 'example.org', version: 'v1', resource: 'gadgets', kind: 'Gadget', namespaced: true }

/** What a reflector told, kept as a model of what is there. */
class Seen {
  readonly log: string[] = []
  readonly there = new Map<string, string>()
  lists = 0
  syncs = 0
  #listed = new Set<string>()

  readonly callbacks: Pick<ReflectorOptions, 'onListing' | 'onEvent' | 'onSynced'> = {
    onListing: () => {
      this.lists++
      this.#listed = new Set()
    },
    onEvent: (type, object) => {
      const name = String(object.metadata['name'])
      this.log.push(`${type} ${name}`)
      this.#listed.add(name)
      if (type === 'deleted') this.there.delete(name)
      else this.there.set(name, valueOf(object))
    },
    onSynced: () => {
      this.syncs++
      for (const name of this.there.keys()) if (!this.#listed.has(name)) this.there.delete(name)
    },
  }
}

function valueOf(object: KubeObject): string {
  return String((object['data'] as { value?: string } | undefined)?.value)
}

async function until(what: string, check: () => boolean, ms = 15_000): Promise<void> {
  const end = Date.now() + ms
  while (!check()) {
    if (Date.now() > end) assert.fail(`${what}: not within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('a reflector on a real API server', () => {
  let plane: ControlPlane
  let upstream: Connection
  let direct: ClusterApi
  let proxy: BreakingProxy
  let through: ClusterApi
  let seen: Seen
  let namespace: string
  const running: Reflector[] = []
  let count = 0

  before(async () => {
    plane = await startControlPlane({ kubeControllerManager: false })
    upstream = connect({ kubeconfig: plane.kubeconfig('admin') })
    direct = new ClusterApi(upstream)
  })
  after(async () => {
    upstream.close()
    await plane.stop()
  })

  beforeEach(async () => {
    namespace = `reflector-${count++}`
    await plane.api('POST', '/api/v1/namespaces', { metadata: { name: namespace } })
    proxy = new BreakingProxy(upstream)
    await proxy.start()
    through = new ClusterApi(proxy.connection())
    seen = new Seen()
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((reflector) => reflector.stop()))
    through.connection.close()
    await proxy.stop()
  })

  function follow(options: Partial<ReflectorOptions> = {}): Reflector {
    const reflector = new Reflector({
      api: through,
      resource: CONFIG_MAPS,
      namespace,
      ...seen.callbacks,
      ...options,
    })
    running.push(reflector)
    reflector.start()
    return reflector
  }

  async function put(name: string, value: string): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } }
    await direct.apply(CONFIG_MAPS, object, { force: true })
  }

  const remove = (name: string) => direct.delete(CONFIG_MAPS, { namespace, name })
  const shows = (name: string, value: string | undefined) => () => seen.there.get(name) === value

  for (const streamList of [true, false]) {
    const way = streamList ? 'a streamed list' : 'pages'

    it(`tell what is there and what becomes of it, by ${way}`, async () => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) await put(name, '1')
      const reflector = follow({ streamList, pageSize: 2 })
      await until('synced', () => seen.syncs === 1)
      assert.deepEqual([...seen.there.keys()].toSorted(), ['a', 'b', 'c', 'd', 'e'])
      await put('a', '2')
      await remove('b')
      await until('changes', () => shows('a', '2')() && shows('b', undefined)())
      assert.deepEqual(seen.log.slice(5), ['modified a', 'deleted b'])
      const state = reflector.state()
      assert.equal(state.phase, 'watching')
      assert.equal(state.staleForMs, 0)
      assert.ok(state.synced && state.lastEventAt > Date.now() - 10_000)
      const listed = proxy.requests.filter((line) => !line.includes('watch=1')).length
      assert.equal(listed, streamList ? 0 : 3)
    })
  }

  it('give apiVersion and kind to items of a list and to metadata alone', async () => {
    await put('a', '1')
    const objects: KubeObject[] = []
    const onEvent = (_: string, object: KubeObject) => void objects.push(object)
    follow({ streamList: false, onEvent })
    follow({ streamList: false, metadataOnly: true, onEvent })
    follow({ metadataOnly: true, onEvent })
    await until('three lists', () => objects.length === 3)
    for (const { apiVersion, kind } of objects) assert.deepEqual([apiVersion, kind], ['v1', 'ConfigMap'])
    assert.equal(objects.filter((object) => object['data'] !== undefined).length, 1)
  })

  it('resume from the last version after the connection was reset', async () => {
    await put('a', '1')
    follow()
    await until('synced', () => seen.syncs === 1)
    for (let round = 2; round < 6; round++) {
      proxy.drop()
      await put('a', String(round))
      await until(`round ${round}`, shows('a', String(round)))
    }
    assert.equal(seen.lists, 1)
    assert.deepEqual(seen.log, ['added a', 'modified a', 'modified a', 'modified a', 'modified a'])
  })

  it('resume when the server ends the watch', async () => {
    await put('a', '1')
    const reflector = follow()
    await until('synced', () => seen.syncs === 1)
    proxy.endWatches()
    await put('a', '2')
    await until('resumed', shows('a', '2'))
    assert.equal(seen.lists, 1)
    assert.equal(reflector.state().lastError, undefined)
  })

  it('notice a connection that is dead without a word', async () => {
    await put('a', '1')
    const reflector = follow({ silenceMs: 700 })
    await until('synced', () => seen.syncs === 1)
    proxy.swallow(true)
    await put('a', '2')
    await until('noticed', () => reflector.state().phase === 'waiting')
    assert.match(String(reflector.state().lastError), /must not be silent/)
    assert.ok(reflector.state().staleForMs >= 0)
    proxy.swallow(false)
    proxy.drop()
    await until('resumed', shows('a', '2'))
    assert.equal(seen.lists, 1)
  })

  it('not take a silent consumer for a dead connection', async () => {
    for (const name of ['a', 'b', 'c']) await put(name, '1')
    let slow = 0
    const reflector = follow({
      silenceMs: 1_000,
      onEvent: async () => {
        slow++
        await new Promise((resolve) => setTimeout(resolve, 700))
      },
    })
    await until('all came', () => slow === 3 && reflector.state().synced)
    assert.equal(reflector.state().lastError, undefined)
    assert.equal(proxy.requests.length, 1)
  })

  it('list again after a 410 in the stream, and say what was lost meanwhile', async () => {
    await put('a', '1')
    await put('b', '1')
    follow()
    await until('synced', () => seen.syncs === 1)
    proxy.swallow(true)
    await remove('a')
    await put('c', '1')
    // Let the proxy swallow the events.
    await new Promise((resolve) => setTimeout(resolve, 300))
    proxy.swallow(false)
    const status = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410, message: 'too old' }
    proxy.inject(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
    await until('listed', () => seen.syncs === 2)
    assert.deepEqual([...seen.there.keys()].toSorted(), ['b', 'c'])
  })

  it('list again after a 410 as the answer to a watch', async () => {
    await put('a', '1')
    follow()
    await until('synced', () => seen.syncs === 1)
    proxy.refuse((url) => url.includes('resourceVersion='), { status: 410, reason: 'Expired' })
    proxy.drop()
    await until('listed', () => seen.syncs === 2)
    await put('a', '2')
    await until('follows', shows('a', '2'))
  })

  it('begin the list anew where a page has expired', async () => {
    for (const name of ['a', 'b', 'c']) await put(name, '1')
    proxy.refuse((url) => url.includes('continue='), { status: 410, reason: 'Expired' })
    follow({ streamList: false, pageSize: 1 })
    await until('synced', () => seen.syncs === 1)
    assert.deepEqual([...seen.there.keys()].toSorted(), ['a', 'b', 'c'])
  })

  it('list by pages where the server cannot stream lists', async () => {
    await put('a', '1')
    proxy.refuse((url) => url.includes('sendInitialEvents'), { status: 422, reason: 'Invalid' })
    follow()
    await until('synced', () => seen.syncs === 1)
    await put('a', '2')
    await until('follows', shows('a', '2'))
  })

  it('list by pages where the server takes a streamed list for a watch', async () => {
    await put('a', '1')
    // v1.36 streams the list for a watch with bookmarks from nowhere as well, so these are not asked for either.
    const extras =
      /&(sendInitialEvents|resourceVersionMatch)=\w+|&allowWatchBookmarks=true(?=.*sendInitialEvents)/g
    proxy.rewrite((url) => url.replaceAll(extras, ''))
    follow({ silenceMs: 500 })
    await until('synced', () => seen.syncs === 1)
    await put('a', '2')
    await until('follows', shows('a', '2'))
    assert.match(proxy.requests.join('\n'), /limit=500/)
  })

  it('come back after 429, 500, 503 and 401 at any step', async () => {
    await put('a', '1')
    const reflector = follow({ streamList: false })
    await until('synced', () => seen.syncs === 1)
    let value = 2
    for (const status of [429, 500, 503, 401]) {
      proxy.refuse((url) => url.includes('watch=1'), { status, headers: { 'retry-after': '1' } })
      const since = Date.now()
      proxy.drop()
      await put('a', String(value))
      await until(`after ${status}`, shows('a', String(value)))
      assert.ok(Date.now() - since >= 900, `Retry-After of a ${status} was not waited for`)
      value++
    }
    for (const status of [429, 500, 503]) {
      proxy.refuse((url) => !url.includes('watch=1'), { status })
      reflector.relist()
      const syncs = seen.syncs
      await until(`listed after ${status}`, () => seen.syncs > syncs)
    }
    await until('watching', () => reflector.state().phase === 'watching')
  })

  it('survive an event that is no JSON, and one that a consumer throws at', async () => {
    await put('a', '1')
    let thrown = 0
    const reflector = follow({
      onEvent: (type, object) => {
        void seen.callbacks.onEvent(type, object)
        if (valueOf(object) === '2' && thrown++ === 0) throw new Error('the consumer failed')
      },
    })
    await until('synced', () => seen.syncs === 1)
    proxy.inject('{"type":"MODIFIED","object":{"metad\n')
    await put('a', '2')
    await until('thrown', () => thrown === 1)
    assert.match(String(reflector.state().lastError), /the consumer failed/)
    await put('a', '3')
    await until('follows', shows('a', '3'))
  })

  it('come back when nobody listens for a while', async () => {
    await put('a', '1')
    const reflector = follow()
    await until('synced', () => seen.syncs === 1)
    await proxy.stop()
    await put('a', '2')
    await until('waiting', () => reflector.state().phase === 'waiting')
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    assert.ok(reflector.state().staleForMs > 500)
    await proxy.start()
    await until('back', shows('a', '2'))
    assert.equal(reflector.state().staleForMs, 0)
  })

  it('skip what nobody wants', async () => {
    for (const name of ['a', 'b', 'c']) await put(name, '1')
    follow({ wants: (space, name) => space === namespace && name === 'b' })
    await until('synced', () => seen.syncs === 1)
    await put('a', '2')
    await put('b', '2')
    await until('changed', shows('b', '2'))
    assert.deepEqual(seen.log, ['added b', 'modified b'])
  })

  it('tell nothing after it was stopped', async () => {
    await put('a', '1')
    const reflector = follow()
    await until('synced', () => seen.syncs === 1)
    await reflector.stop()
    await put('a', '2')
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.deepEqual(seen.log, ['added a'])
    assert.equal(proxy.watches, 0)
  })

  it('follow a kind that comes, goes and comes again', async () => {
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { kind: 'Gadget', plural: 'gadgets' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    }
    const make = async (name: string) => {
      const object = { apiVersion: 'example.org/v1', kind: 'Gadget', metadata: { name, namespace } }
      for (let tries = 0; ; tries++) {
        const failed = await direct.create(GADGETS, object).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (failed === undefined) return
        if (tries > 100) throw failed
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    const reflector = follow({ resource: GADGETS })
    await until('absent', () => reflector.state().phase === 'absent')
    await direct.create(CRDS, crd)
    await make('one')
    reflector.wake()
    await until('one', () => seen.there.has('one'))
    await direct.delete(CRDS, { name: 'gadgets.example.org' })
    await until('gone', () => !seen.there.has('one') && reflector.state().phase === 'absent', 30_000)
    for (let tries = 0; tries < 100; tries++) {
      if (
        await direct.create(CRDS, crd).then(
          () => true,
          () => false,
        )
      )
        break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await make('two')
    reflector.wake()
    await until('two', () => seen.there.has('two'), 30_000)
    await until('watching', () => reflector.state().phase === 'watching')
  })

  it('follow through a restart and a crash of the API server', async () => {
    await put('a', '1')
    const reflector = follow({ api: direct })
    await until('synced', () => seen.syncs === 1)
    for (const [value, graceMs] of [
      ['2', 10_000],
      ['3', 0],
    ] as const) {
      await plane.restartApiServer({ graceMs })
      await put('a', value)
      await until(`value ${value}`, shows('a', value), 30_000)
    }
    await until('watching', () => reflector.state().phase === 'watching')
    assert.ok(reflector.state().synced)
  })
})
