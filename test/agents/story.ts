import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { ApiClient } from '../control-plane/api-client.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { until } from '../e2e/until.ts'
import { gitHttpServer } from '../git/http-server.ts'
import { testRepository, type TestRepository } from '../git/test-repository.ts'
import { prepareRenderers } from '../renderers/prepare-renderers.ts'
import { clientOf } from './client-of.ts'
import { comparable } from './comparable.ts'
import { pastTheGuard } from './past-the-guard.ts'
import { configMap, deployment, namespace, service } from './shop-manifests.ts'
import { TestGuard } from './test-guard.ts'

const WEB = '/apis/apps/v1/namespaces/shop/deployments/web'
const SETTINGS = '/api/v1/namespaces/shop/configmaps/settings'
const SERVICE = '/api/v1/namespaces/shop/services/web'
const OLD = '/api/v1/namespaces/shop/configmaps/old'
const NEW = '/api/v1/namespaces/shop/configmaps/new'
const STRATEGIC = 'application/strategic-merge-patch+json'

/** A real agent with its real identity. */
export interface RealAgent {
  /** Tells it of a commit, as its own Git client or a push would. */
  bring(commit: string): Promise<void>
  /** Waits until it says that it applied a commit. */
  applied(commit: string): Promise<void>
  /** What went wrong, in its own words. */
  errors(): Promise<string[]>
  stop(): Promise<void>
}

export interface StoryOptions {
  title: string
  preset: string
  /** The guard finds the source in the agent's objects, instead of being told. */
  discover?: object
  install(plane: ControlPlane, shop: { repository: string; url: string; path: string }): Promise<RealAgent>
  /** What alice tries at the agent's own objects, and at an object to switch the agent off for it: arguments of kubectl. */
  attempts: Readonly<Record<string, string[]>>
}

/** A day under `enforce`: the agent works as if there were no guard, and alice does not. */
export function tellStory({ title, preset, discover, install, attempts }: StoryOptions): void {
  describe(title, () => {
    const ends: (() => unknown)[] = []
    let plane: ControlPlane
    let shop: TestRepository
    let agent: RealAgent
    let guard: TestGuard
    let alice: ApiClient

    before(async () => {
      const context = { after: (end: () => unknown) => ends.push(end) }
      shop = testRepository(context)
      const git = await gitHttpServer(context, shop.base)
      const url = `${git.origin}/work/.git`
      shop.write('prod/first.yaml', configMap('first', { a: '1' }, { namespace: 'default' }))
      const first = shop.commit('Before the guard')
      if (discover !== undefined) await prepareRenderers(['kustomize'])
      plane = await startControlPlane()
      agent = await install(plane, { repository: shop.path, url, path: 'prod' })
      await agent.bring(first)
      await agent.applied(first)
      alice = clientOf(plane, 'alice')
      guard = await TestGuard.start(plane, {
        mode: 'enforce',
        ...(discover === undefined
          ? {
              sources: [{ name: 'shop', repository: url, ref: { branch: 'main' }, path: 'prod', poll: '1s' }],
              agents: [{ preset }],
            }
          : { discover }),
      })
    })

    after(async () => {
      await plane?.stop()
      await agent?.stop()
      await guard?.stop()
      alice?.close()
      for (const end of ends.reverse()) await end()
    })

    /** Commits, tells the agent, and waits until it is applied. */
    async function roll(message: string): Promise<string> {
      const commit = shop.commit(message)
      await agent.bring(commit)
      await agent.applied(commit)
      return commit
    }

    /** Runs `work` and fails where the guard denied, found or repaired anything meanwhile or just after. */
    async function undisturbed(work: () => Promise<unknown>): Promise<void> {
      const before = (await guard.interference()).length
      await work()
      // What a guard that is wrong would do, it does at the next poll of Git.
      await sleep(2_500)
      assert.deepEqual((await guard.interference()).slice(before), [])
      assert.deepEqual(await agent.errors(), [])
    }

    it('let the agent install everything, its namespace too, with no denial and no repair', async () => {
      await undisturbed(async () => {
        shop.write('prod/namespace.yaml', namespace('shop'))
        shop.write('prod/settings.yaml', configMap('settings', { message: 'welcome', color: 'blue' }))
        shop.write('prod/web.yaml', deployment('web', { image: 'podinfo:6.9.0', env: { COLOR: 'blue' } }))
        shop.write('prod/service.yaml', service('web'))
        shop.write('prod/old.yaml', configMap('old', { a: '1' }))
        await roll('Open the shop')
      })
      assert.equal((await plane.api('GET', WEB)).status, 200)
    })

    it('let the agent update, add and prune with no denial and no repair', async () => {
      await undisturbed(async () => {
        shop.write('prod/web.yaml', deployment('web', { image: 'podinfo:6.9.1', env: { COLOR: 'red' } }))
        shop.write('prod/new.yaml', configMap('new', { b: '2' }))
        shop.git('rm', '--quiet', 'prod/old.yaml')
        await roll('Podinfo 6.9.1')
      })
      const { body: web } = await plane.api('GET', WEB)
      assert.equal(web.spec.template.spec.containers[0].image, 'podinfo:6.9.1')
      assert.equal((await plane.api('GET', OLD)).status, 404)
      assert.equal((await plane.api('GET', NEW)).status, 200)
    })

    for (const [what, args] of Object.entries({
      'sets an image': ['set', 'image', '-n', 'shop', 'deployment/web', 'web=evil:1'],
      scales: ['scale', '-n', 'shop', 'deployment/web', '--replicas=7'],
      'deletes a declared object': ['delete', '-n', 'shop', 'configmap/settings', '--wait=false'],
      'labels a declared object': ['label', '-n', 'shop', 'service/web', 'a=b'],
      ...attempts,
    })) {
      it(`deny alice, who ${what}`, async () => {
        const { code, stderr } = await plane.kubectl('alice', args)
        assert.notEqual(code, 0)
        assert.match(stderr, /denied the request/)
      })
    }

    for (const { what, path, body } of [
      { what: 'an image', path: WEB, body: containers({ name: 'web', image: 'evil:1' }) },
      { what: 'a container more', path: WEB, body: containers({ name: 'miner', image: 'evil:2' }) },
      {
        what: 'a variable',
        path: WEB,
        body: containers({ name: 'web', env: [{ name: 'COLOR', value: 'evil' }] }),
      },
      {
        what: 'a variable more',
        path: WEB,
        body: containers({ name: 'web', env: [{ name: 'X', value: 'y' }] }),
      },
      { what: 'replicas', path: WEB, body: { spec: { replicas: 9 } } },
      { what: 'data and a key more', path: SETTINGS, body: { data: { message: 'hacked', extra: 'added' } } },
      { what: 'a label more', path: SETTINGS, body: { metadata: { labels: { owner: 'alice' } } } },
      { what: 'a type', path: SERVICE, body: { spec: { type: 'NodePort' } } },
    ]) {
      it(`revert ${what} that alice wrote with the webhook away, and leave managedFields as they were`, async () => {
        const before = comparable((await plane.api('GET', path)).body)
        const { status } = await pastTheGuard(alice, { method: 'PATCH', path, body, contentType: STRATEGIC })
        assert.equal(status, 200)
        await until(`${path} is as before`, async () => {
          const now = comparable((await plane.api('GET', path)).body)
          return isDeepStrictEqual(now, before)
        }).catch(async () => assert.deepEqual(comparable((await plane.api('GET', path)).body), before))
      })
    }

    it('let the agent remove the fields that were repaired, once Git drops them', async () => {
      await undisturbed(async () => {
        shop.write('prod/web.yaml', deployment('web', { image: 'podinfo:6.9.1' }))
        shop.write('prod/settings.yaml', configMap('settings', { color: 'blue' }))
        await roll('Drop what alice had changed')
      })
      const { body: web } = await plane.api('GET', WEB)
      assert.equal(web.spec.template.spec.containers[0].env, undefined)
      assert.deepEqual((await plane.api('GET', SETTINGS)).body.data, { color: 'blue' })
    })

    it('bring a deleted object back so that the agent prunes it when Git drops it', async () => {
      const { status } = await pastTheGuard(alice, { method: 'DELETE', path: NEW })
      assert.equal(status, 200)
      await until('the ConfigMap is back', async () => {
        const told = await guard.interference()
        return told.some(({ event, object }) => event === 'repaired' && object === 'ConfigMap shop/new')
      })
      assert.equal((await plane.api('GET', NEW)).status, 200)
      await undisturbed(async () => {
        shop.git('rm', '--quiet', 'prod/new.yaml')
        await roll('No new ConfigMap')
      })
      assert.equal((await plane.api('GET', NEW)).status, 404)
    })
  })
}

function containers(...list: object[]): object {
  return { spec: { template: { spec: { containers: list } } } }
}
