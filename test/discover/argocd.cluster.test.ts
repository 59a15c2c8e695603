/** Sources found in Argo CD's Applications, on a real API server with the real definitions, from a repository over HTTP. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { agentProgram } from '../agents/agents.ts'
import { clientOf } from '../agents/client-of.ts'
import { moduleFolder } from '../control-plane/module-folder.ts'
import { pastTheGuard } from '../agents/past-the-guard.ts'
import { configMap, namespace } from '../agents/shop-manifests.ts'
import { TestGuard } from '../agents/test-guard.ts'
import type { ApiClient } from '../control-plane/api-client.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { until } from '../e2e/until.ts'
import { gitHttpServer } from '../git/http-server.ts'
import { prepareRenderers } from '../renderers/prepare-renderers.ts'
import { testRepository, type TestRepository } from '../git/test-repository.ts'

const CONFIG_MAPS = '/api/v1/namespaces/shop/configmaps'
const MERGE = 'application/merge-patch+json'

describe('sources that are discovered from Argo CD', () => {
  const ends: (() => unknown)[] = []
  let plane: ControlPlane
  let argocd: string
  let alice: ApiClient
  let guard: TestGuard
  let shop: TestRepository
  let url: string
  let first: string

  before(async () => {
    const context = { after: (end: () => unknown) => void ends.push(end) } as Pick<TestContext, 'after'>
    shop = testRepository(context)
    url = `${(await gitHttpServer(context, shop.base)).origin}/work/.git`
    shop.write('auto/settings.yaml', configMap('settings', { color: 'blue' }))
    shop.write('auto/deep/not-read.yaml', configMap('not-read', {}))
    shop.write('hand/kustomization.yaml', 'resources: [by-hand.yaml]\n')
    shop.write('hand/by-hand.yaml', configMap('by-hand', { version: '1' }, { namespace: '' }))
    first = shop.commit('The shop')
    await prepareRenderers(['kustomize'])
    plane = await startControlPlane()
    await installCrds(plane)
    for (const name of ['argocd', 'shop'])
      await plane.api('POST', '/api/v1/namespaces', JSON.parse(namespace(name)))
    argocd = await plane.serviceAccount('argocd', 'argocd-application-controller', { clusterAdmin: true })
    await apply('AppProject', 'default', {
      sourceRepos: ['*'],
      destinations: [{ namespace: '*', server: '*' }],
      clusterResourceWhitelist: [{ group: '*', kind: '*' }],
    })
    await application('auto', {
      source: { repoURL: url, path: 'auto', targetRevision: 'main' },
      syncPolicy: { automated: {} },
      ignoreDifferences: [
        { group: '', kind: 'ConfigMap', name: 'settings', jsonPointers: ['/data/ignored'] },
      ],
    })
    const kustomize = { namePrefix: 'p-', namespace: 'shop' }
    await application('hand', { source: { repoURL: url, path: 'hand', targetRevision: 'main', kustomize } })
    await synced('auto', first)
    await synced('hand', first)
    await plane.api('POST', CONFIG_MAPS, JSON.parse(configMap('settings', { color: 'blue', ignored: 'x' })))
    await plane.api('POST', CONFIG_MAPS, JSON.parse(configMap('p-by-hand', { version: '1' })))
    alice = clientOf(plane, 'alice')
    guard = await TestGuard.start(plane, {
      mode: 'enforce',
      discover: { argocd: { namespaces: ['argocd'] } },
    })
  })

  after(async () => {
    await guard?.stop()
    alice?.close()
    await plane?.stop()
    for (const end of ends.reverse()) await end()
  })

  async function asArgocd(args: string[], stdin?: string): Promise<void> {
    const { code, stderr } = await plane.kubectl(argocd, args, stdin === undefined ? {} : { stdin })
    assert.equal(code, 0, stderr)
  }

  async function apply(kind: string, name: string, spec: object): Promise<void> {
    const object = { apiVersion: 'argoproj.io/v1alpha1', kind, metadata: { name, namespace: 'argocd' }, spec }
    await asArgocd(['apply', '--server-side', '-f', '-'], JSON.stringify(object))
  }

  const application = (name: string, spec: object) =>
    apply('Application', name, {
      project: 'default',
      destination: { server: 'https://kubernetes.default.svc', namespace: 'shop' },
      ...spec,
    })

  /** As its controller notes it after a sync: Applications have no status of their own to write apart. */
  async function synced(name: string, revision: string): Promise<void> {
    const { body } = await plane.api(
      'GET',
      `/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/${name}`,
    )
    const { source, destination } = body.spec
    const status = {
      sync: { status: 'Synced', revision, comparedTo: { source, destination } },
      history: [{ id: 1, revision, deployedAt: new Date().toISOString() }],
    }
    await asArgocd([
      'patch',
      '-n',
      'argocd',
      `application/${name}`,
      '--type=merge',
      `-p=${JSON.stringify({ status })}`,
    ])
  }

  const sources = async () => new Map((await guard.status()).sources.map((one) => [one.name, one]))

  it('guard what Applications bring in, as Argo CD renders it', async () => {
    const found = await sources()
    assert.deepEqual(
      [...found].map(([name, { revision, objects, problems }]) => [name, revision, objects, problems]),
      [
        ['argocd:argocd/auto', first, 1, 0],
        ['argocd:argocd/hand', first, 1, 0],
      ],
    )
    await until('all is as Git says', async () => (await guard.status()).objects['inSync'] === 2)
    assert.deepEqual(await guard.interference(), [])
    const { code, stderr } = await plane.kubectl('alice', ['delete', '-n', 'shop', 'configmap/p-by-hand'])
    assert.notEqual(code, 0)
    assert.match(stderr, /hand\/by-hand\.yaml/)
  })

  it('leave to programs what an Application ignores, and to nobody else', async () => {
    const before = (await guard.interference()).length
    const operator = await plane.serviceAccount('shop', 'operator', { clusterAdmin: true })
    const patch = (data: object) => [
      'patch',
      '-n',
      'shop',
      'configmap/settings',
      '--type=merge',
      `-p=${JSON.stringify({ data })}`,
    ]
    assert.equal((await plane.kubectl(operator, patch({ ignored: 'y' }))).code, 0)
    assert.notEqual((await plane.kubectl(operator, patch({ color: 'red' }))).code, 0)
    assert.notEqual((await plane.kubectl('alice', patch({ ignored: 'z' }))).code, 0)
    await sleep(1_000)
    const more = (await guard.interference()).slice(before)
    assert.deepEqual(
      more.filter(({ event }) => event !== 'denied'),
      [],
    )
  })

  it('hold an Application that is synced by hand to the commit that was synced', async () => {
    shop.write('hand/by-hand.yaml', configMap('by-hand', { version: '2' }, { namespace: '' }))
    const second = shop.commit('Version 2')
    await synced('auto', second)
    await until(
      'the guard has the new commit',
      async () => (await sources()).get('argocd:argocd/auto')?.revision === second,
    )
    assert.equal((await sources()).get('argocd:argocd/hand')?.revision, first)
    const path = `${CONFIG_MAPS}/p-by-hand`
    const body = { data: { version: 'evil' } }
    await pastTheGuard(alice, { method: 'PATCH', path, body, contentType: MERGE })
    await until('it is put back', async () => (await plane.api('GET', path)).body.data.version === '1')
    await synced('hand', second)
    await until(
      'the new commit is in force',
      async () => (await sources()).get('argocd:argocd/hand')?.revision === second,
    )
  })
})

async function installCrds(plane: ControlPlane): Promise<void> {
  const { module, directory } = agentProgram('argocd')
  const folder = await moduleFolder(module, directory)
  for (const name of ['application', 'appproject']) {
    const text = await readFile(join(folder, 'manifests/crds', `${name}-crd.yaml`), 'utf8')
    const { code, stderr } = await plane.kubectl('admin', ['apply', '--server-side', '-f', '-'], {
      stdin: text,
    })
    if (code !== 0) throw new Error(stderr)
  }
  for (const kind of ['applications', 'appprojects'])
    await until(
      `${kind} are served`,
      async () => (await plane.api('GET', `/apis/argoproj.io/v1alpha1/${kind}`)).status === 200,
    )
}
