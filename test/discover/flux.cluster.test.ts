/** Sources found in Flux's objects, on a real API server with the real definitions, from a repository over HTTP. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual, promisify } from 'node:util'
import type { ApiClient } from '../control-plane/api-client.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { startControlPlane } from '../control-plane/control-plane.ts'
import { installCrds } from '../agents/flux.ts'
import { clientOf } from '../agents/client-of.ts'
import { pastTheGuard } from '../agents/past-the-guard.ts'
import { configMap, deployment, namespace } from '../agents/shop-manifests.ts'
import { TestGuard } from '../agents/test-guard.ts'
import { builtCli } from '../e2e/built-cli.ts'
import { until } from '../e2e/until.ts'
import { gitHttpServer, type GitHttpServer } from '../git/http-server.ts'
import { prepareRenderers } from '../renderers/prepare-renderers.ts'
import { testRepository, type TestRepository } from '../git/test-repository.ts'

const MERGE = 'application/merge-patch+json'
const SETTINGS = '/api/v1/namespaces/shop/configmaps/settings'

describe('sources that are discovered from Flux', () => {
  const ends: (() => unknown)[] = []
  let plane: ControlPlane
  let flux: string
  let helm: string
  let alice: ApiClient
  let guard: TestGuard
  let shop: TestRepository
  let git: GitHttpServer
  let commit: string

  before(async () => {
    const context = { after: (end: () => unknown) => void ends.push(end) } as Pick<TestContext, 'after'>
    shop = testRepository(context)
    git = await gitHttpServer(context, shop.base)
    git.login = { user: 'x-access-token', password: 'hunter2' }
    shop.write('apps/settings.yaml', configMap('settings', { region: '${region}', color: 'blue' }))
    shop.write('apps/deep/web.yaml', deployment('web', { image: 'podinfo:1' }))
    commit = shop.commit('The shop')
    await prepareRenderers(['kustomize', 'helm'])
    plane = await startControlPlane()
    await installCrds(plane)
    for (const [group, version, plural, kind] of [
      ['helm', 'v2', 'helmreleases', 'HelmRelease'],
      ['source', 'v1', 'helmcharts', 'HelmChart'],
    ] as const)
      await plane.api(
        'POST',
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
        definition(`${group}.toolkit.fluxcd.io`, version, plural, kind),
      )
    for (const path of ['helm.toolkit.fluxcd.io/v2/helmreleases', 'source.toolkit.fluxcd.io/v1/helmcharts'])
      await until(`${path} is served`, async () => (await plane.api('GET', `/apis/${path}`)).status === 200)
    await plane.api('POST', '/api/v1/namespaces', JSON.parse(namespace('flux-system')))
    await plane.api('POST', '/api/v1/namespaces', JSON.parse(namespace('shop')))
    await plane.api('POST', '/api/v1/namespaces/flux-system/configmaps', {
      metadata: { name: 'vars' },
      data: { region: 'eu' },
    })
    flux = await plane.serviceAccount('flux-system', 'kustomize-controller', { clusterAdmin: true })
    helm = await plane.serviceAccount('flux-system', 'helm-controller', { clusterAdmin: true })
    const url = `${git.origin}/work/.git`
    await apply('source', 'GitRepository', 'shop', { url, ref: { branch: 'main' }, interval: '1m' })
    await kustomization('apps', {
      path: './apps',
      postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'vars' }] },
    })
    await attempted('apps', commit)
    // As Flux would have brought it in.
    await plane.api(
      'POST',
      '/api/v1/namespaces/shop/configmaps',
      JSON.parse(configMap('settings', { region: 'eu', color: 'blue' })),
    )
    await plane.api(
      'POST',
      '/apis/apps/v1/namespaces/shop/deployments',
      JSON.parse(deployment('web', { image: 'podinfo:1' })),
    )
    alice = clientOf(plane, 'alice')
    guard = await TestGuard.start(
      plane,
      {
        mode: 'enforce',
        discover: {
          flux: {},
          repositories: [{ url: git.origin, auth: { token: { env: 'GIT_TOKEN' } } }],
        },
      },
      { GIT_TOKEN: 'hunter2' },
    )
  })

  after(async () => {
    await guard?.stop()
    alice?.close()
    await plane?.stop()
    for (const end of ends.reverse()) await end()
  })

  /** As Flux itself, whose objects nobody else may change. */
  async function asFlux(args: string[], stdin?: string): Promise<void> {
    const { code, stderr } = await plane.kubectl(flux, args, stdin === undefined ? {} : { stdin })
    assert.equal(code, 0, stderr)
  }

  async function apply(group: string, kind: string, name: string, spec: object): Promise<void> {
    const apiVersion = `${group}.toolkit.fluxcd.io/v1`
    const metadata = { name, namespace: 'flux-system' }
    await asFlux(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion, kind, metadata, spec }))
  }

  const kustomization = (name: string, spec: object) =>
    apply('kustomize', 'Kustomization', name, {
      sourceRef: { kind: 'GitRepository', name: 'shop' },
      interval: '10m',
      prune: true,
      ...spec,
    })

  async function attempted(name: string, revision: string): Promise<void> {
    const said = `main@sha1:${revision}`
    const status = { lastAttemptedRevision: said, lastAppliedRevision: said }
    await patch(['-n', 'flux-system', `kustomization/${name}`, '--subresource=status'], { status })
  }

  const patch = (what: readonly string[], body: object) =>
    asFlux(['patch', ...what, '--type=merge', `-p=${JSON.stringify(body)}`])

  const sources = async () => new Map((await guard.status()).sources.map((one) => [one.name, one]))

  const data = async () => (await plane.api('GET', SETTINGS)).body.data

  it('guard what a Kustomization brings in, with the token for its repository', async () => {
    const found = (await sources()).get('flux:flux-system/apps')
    assert.deepEqual([found?.revision, found?.objects, found?.problems], [commit, 2, 0])
    const { code, stderr } = await plane.kubectl('alice', [
      'set',
      'image',
      '-n',
      'shop',
      'deployment/web',
      'web=evil:1',
    ])
    assert.notEqual(code, 0)
    assert.match(stderr, /apps\/deep\/web\.yaml/)
    assert.deepEqual(
      await guard.interference().then((lines) => lines.filter(({ event }) => event !== 'denied')),
      [],
    )
  })

  it('are what render, diff and explain see', async () => {
    const file = join(shop.base, 'config.json')
    const discover = { flux: {}, repositories: [{ url: git.origin, auth: { token: { env: 'GIT_TOKEN' } } }] }
    const about = { apiVersion: 'gitops-guard.dev/v1alpha1', kind: 'GuardConfig' }
    writeFileSync(file, JSON.stringify({ ...about, mode: 'enforce', discover }))
    const cli = await builtCli()
    const run = async (...args: string[]) => {
      const all = [cli, ...args, `--config=${file}`, `--kubeconfig=${flux}`]
      const env = { ...process.env, GIT_TOKEN: 'hunter2' }
      const { stdout, stderr } = await promisify(execFile)(process.execPath, all, { env })
      assert.equal(stderr, '')
      return stdout
    }
    assert.match(await run('render'), /region: eu/)
    assert.match(await run('diff'), /flux:flux-system\/apps at [^]*2 inSync/)
    assert.match(await run('explain', 'configmap/settings', '--namespace=shop'), /flux:flux-system\/apps/)
  })

  it('put back what differs from what Flux makes of it', async () => {
    const body = { data: { region: 'mars', more: 'x' } }
    const { status } = await pastTheGuard(alice, {
      method: 'PATCH',
      path: SETTINGS,
      body,
      contentType: MERGE,
    })
    assert.equal(status, 200)
    await until('the ConfigMap is as Flux makes it', async () =>
      isDeepStrictEqual(await data(), { region: 'eu', color: 'blue' }),
    )
  })

  it('follow a variable, and leave what it changes to Flux', async () => {
    await patch(['-n', 'flux-system', 'configmap/vars'], { data: { region: 'us' } })
    await until('Flux is waited for', async () => (await guard.status()).objects['pending'] === 1)
    await patch(['-n', 'shop', 'configmap/settings'], { data: { region: 'us' } })
    await until('all is as Git says', async () => (await guard.status()).objects['inSync'] === 2)
    assert.equal((await data()).region, 'us')
  })

  it('follow a Kustomization that comes, once Flux has come to it', async () => {
    shop.write('late/kustomization.yaml', 'namespace: shop\nresources: [late.yaml]\n')
    shop.write('late/late.yaml', configMap('late', { a: '1' }, { namespace: 'other' }))
    const second = shop.commit('Late')
    await kustomization('late', { path: './late', serviceAccountName: 'team' })
    await attempted('late', second)
    await until(
      'the late one is read',
      async () => (await sources()).get('flux:flux-system/late')?.objects === 1,
    )
    const { stdout } = await plane.kubectl(flux, [
      'get',
      '-n',
      'shop',
      'configmap/late',
      '--ignore-not-found',
    ])
    assert.equal(stdout, '')
  })

  it('put nothing there that an account of few rights has not brought in', async () => {
    const before = (await guard.interference()).length
    await sleep(2_000)
    assert.deepEqual((await guard.interference()).slice(before), [])
    await asFlux(['apply', '-f', '-'], configMap('late', { a: '1' }))
    const body = { data: { a: '2' } }
    const path = '/api/v1/namespaces/shop/configmaps/late'
    await until('it was seen', async () => (await guard.status()).objects['inSync'] === 3)
    await pastTheGuard(alice, { method: 'PATCH', path, body, contentType: MERGE })
    await until('it is back', async () => (await plane.api('GET', path)).body.data.a === '1')
  })

  it('report what differs, and repair nothing, while Flux is suspended', async () => {
    await patch(['-n', 'flux-system', 'kustomization/apps'], { spec: { suspend: true } })
    await sleep(1_000)
    await pastTheGuard(alice, {
      method: 'PATCH',
      path: SETTINGS,
      body: { data: { color: 'red' } },
      contentType: MERGE,
    })
    await until('the drift is told', async () =>
      (await guard.interference()).some(
        ({ event, object }) => event === 'drift' && object === 'ConfigMap shop/settings',
      ),
    )
    assert.equal((await data()).color, 'red')
    await patch(['-n', 'flux-system', 'kustomization/apps'], { spec: { suspend: false } })
    await until('it is put back', async () => (await data()).color === 'blue')
  })

  it('tell once what cannot be followed, and go on with the rest', async () => {
    await kustomization('oci', { path: './', sourceRef: { kind: 'OCIRepository', name: 'charts' } })
    await attempted('oci', commit)
    await until('the problem is told', async () =>
      /discover\/flux:flux-system\/oci/.test(await guard.readyz()),
    )
    const told = async () => (await guard.log()).filter(({ source }) => source === 'flux:flux-system/oci')
    await until('it is in the log', async () => (await told()).length > 0)
    await sleep(500)
    assert.equal((await told()).length, 1)
    assert.equal((await sources()).get('flux:flux-system/apps')?.objects, 2)
  })

  it('let go of what a deleted Kustomization declared', async () => {
    await asFlux(['delete', '-n', 'flux-system', 'kustomization/late'])
    await until('its source is gone', async () => !(await sources()).has('flux:flux-system/late'))
  })

  it('guard a release of a chart in Git: as Helm leaves it, once it is there, and with the cluster’s own versions', async () => {
    shop.write('chart/Chart.yaml', 'apiVersion: v2\nname: till\nversion: 1.0.0\n')
    shop.write(
      'chart/templates/till.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: till }\ndata: { kube: "{{ .Capabilities.KubeVersion.Version }}", float: "{{ .Values.float }}" }\n',
    )
    const third = shop.commit('A till')
    const sourceRef = { kind: 'GitRepository', name: 'shop' }
    const spec = { chart: 'chart', sourceRef, reconcileStrategy: 'Revision' }
    const metadata = { name: 'till', namespace: 'flux-system' }
    const version = `1.0.0+${third.slice(0, 12)}`
    await until('HelmReleases are served', async () => {
      const release = {
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        metadata,
        spec: { targetNamespace: 'shop', chart: { spec }, values: { float: 100 } },
        status: {
          observedGeneration: 1,
          lastAttemptedRevision: version,
          history: [{ chartVersion: version, status: 'deployed' }],
        },
      }
      const chart = {
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'HelmChart',
        metadata: { ...metadata, name: 'flux-system-till' },
        spec,
        status: {
          artifact: { revision: version },
          observedSourceArtifactRevision: `main@sha1:${third}`,
        },
      }
      const both = `${JSON.stringify(release)}\n---\n${JSON.stringify(chart)}`
      return (await plane.kubectl(flux, ['apply', '-f', '-'], { stdin: both })).code === 0
    })
    await until(
      'the chart is rendered',
      async () => (await sources()).get('flux:flux-system/till#helm')?.objects === 1,
    )
    // As helm-controller would have brought it in.
    const about = {
      name: 'till',
      labels: {
        'helm.toolkit.fluxcd.io/name': 'till',
        'helm.toolkit.fluxcd.io/namespace': 'flux-system',
        'app.kubernetes.io/managed-by': 'Helm',
      },
      annotations: {
        'meta.helm.sh/release-name': 'shop-till',
        'meta.helm.sh/release-namespace': 'shop',
      },
    }
    const path = '/api/v1/namespaces/shop/configmaps/till'
    const data = { kube: (await plane.api('GET', '/version')).body.gitVersion, float: '100' }
    const before = (await guard.status()).objects['inSync'] ?? 0
    const till = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...about, namespace: 'shop' }, data }
    const applied = await plane.kubectl(helm, ['apply', '--server-side', '-f', '-'], {
      stdin: JSON.stringify(till),
    })
    assert.equal(applied.code, 0, applied.stderr)
    await until('it is as Git says', async () => (await guard.status()).objects['inSync'] === before + 1)
    const { code, stderr } = await plane.kubectl('alice', [
      'label',
      '-n',
      'shop',
      'configmap/till',
      'helm.toolkit.fluxcd.io/name-',
    ])
    assert.notEqual(code, 0)
    assert.match(stderr, /chart\/templates\/till\.yaml/)
    const body = { data: { float: '0' } }
    await pastTheGuard(alice, { method: 'PATCH', path, body, contentType: MERGE })
    await until('it is back', async () => isDeepStrictEqual((await plane.api('GET', path)).body.data, data))
  })
})

/** A kind of Flux's name, whatever it holds. */
function definition(group: string, version: string, plural: string, kind: string): object {
  const schema = {
    openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: 'Namespaced',
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  }
}
