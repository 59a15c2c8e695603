/** Sources that the real kustomize builds. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SourceFollower } from '../../src/git/follow.ts'
import { readDocuments } from '../../src/git/yaml.ts'
import { named, places, programs, rendering, skip, told } from './rendering.ts'

const deployment = (name: string) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: [{ name: web, image: "registry.example/${name}:1", envFrom: [{ configMapRef: { name: settings } }] }]
`

/** A shop with a base, a component, and three environments that differ. */
const shop: Record<string, string> = {
  'base/kustomization.yaml': `resources: [crd.yaml, web.yaml]
configMapGenerator:
  - name: other
    literals: [a=1]
  - name: settings
    files: [app.conf]
    envs: [app.env]
secretGenerator:
  - name: login
    envs: [login.env]
`,
  'base/app.conf': 'colour=blue\n',
  'base/app.env': 'SIZE=1\n',
  'base/login.env': 'PASSWORD=not-so-secret\n',
  'base/crd.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: carts.shop.example }
spec:
  group: shop.example
  names: { kind: Cart, plural: carts }
  scope: Namespaced
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
`,
  'base/web.yaml': `# the shop
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
---
${deployment('web')}`,
  'components/alerts/kustomization.yaml':
    'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [alerts.yaml]\n',
  'components/alerts/alerts.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: alerts }\ndata: { a: b }\n',
  'overlays/dev/kustomization.yaml': 'namespace: shop-dev\nresources: [../../base]\n',
  'overlays/staging/kustomization.yaml':
    'namespace: shop-staging\nnamePrefix: s-\nresources: [../../base]\nreplicas: [{ name: web, count: 2 }]\n',
  'overlays/prod/kustomization.yaml': `namespace: shop-prod
resources: [../../base, extra.yaml]
components: [../../components/alerts]
patches:
  - path: ../../patches/replicas.yaml
images: [{ name: registry.example/web, newTag: "2" }]
`,
  'overlays/prod/extra.yaml': deployment('extra').replaceAll('settings', 'alerts'),
  'patches/replicas.yaml':
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 5 }\n',
}

describe('a kustomization', { skip }, () => {
  test('is built as kustomize itself builds it', async (t) => {
    const { commitFiles, load, path } = rendering(t)
    commitFiles(shop)
    for (const overlay of ['dev', 'staging', 'prod']) {
      const state = await load({ path: `overlays/${overlay}` })
      assert.deepEqual(told(state), [])
      const alone = execFileSync(
        programs.kustomize,
        ['build', `${path}/overlays/${overlay}`, '--load-restrictor', 'LoadRestrictionsNone'],
        { encoding: 'utf8' },
      )
      assert.deepEqual(
        state.manifests.map(({ object }) => object),
        readDocuments(alone, '').documents.map(({ value }) => value),
      )
    }
  })

  test('names the file and line of each object, and says where these are approximate', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles(shop)
    const state = await load({ path: 'overlays/prod' })
    const where = Object.fromEntries(
      named(state).map((name, index) => [name.replace(/-[a-z0-9]{10}$/, ''), places(state)[index]]),
    )
    assert.deepEqual(where, {
      'CustomResourceDefinition carts.shop.example': 'base/crd.yaml:1',
      'ConfigMap shop-prod/alerts': 'components/alerts/alerts.yaml:1',
      'ConfigMap shop-prod/other': 'base/kustomization.yaml:3~',
      'ConfigMap shop-prod/settings': 'base/kustomization.yaml:5~',
      'Secret shop-prod/login': 'base/kustomization.yaml:9~',
      'Service shop-prod/web': 'base/web.yaml:3',
      'Deployment shop-prod/extra': 'overlays/prod/extra.yaml:1',
      'Deployment shop-prod/web': 'base/web.yaml:8~',
    })
    const service = state.manifests.find(({ ref }) => ref.kind === 'Service')
    assert.ok(service?.written, 'an object that nothing changed tells the lines of its fields')
    const staging = await load({ path: 'overlays/staging' })
    assert.ok(named(staging).includes('Deployment shop-staging/s-web'))
  })

  test('keeps the origin annotations that it asks for itself, and adds none of its own', async (t) => {
    const { commitFiles, load } = rendering(t)
    const kustomization = 'resources: [a.yaml]\nbuildMetadata: [managedByLabel]\n'
    commitFiles({ 'kustomization.yaml': kustomization, 'a.yaml': deployment('a') })
    const [one] = (await load()).manifests
    assert.deepEqual(Object.keys(one?.object.metadata ?? {}).sort(), ['labels', 'name', 'namespace'])
    commitFiles({ 'kustomization.yaml': 'resources: [a.yaml]\n' })
    const before = await load()
    assert.equal(before.manifests[0]?.object.metadata['annotations'], undefined)
    commitFiles({ 'kustomization.yaml': 'resources: [a.yaml]\nbuildMetadata:\n- originAnnotations\n' })
    const [asked] = (await load({}, before)).manifests
    assert.deepEqual(asked?.object.metadata['annotations'], {
      'config.kubernetes.io/origin': 'path: a.yaml\n',
    })
  })

  test('keeps the order that it asks for', async (t) => {
    const { commitFiles, load } = rendering(t)
    const resources = {
      'b.yaml': deployment('b'),
      'a.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: z}\n',
    }
    commitFiles({
      ...resources,
      'kustomization.yaml': 'resources: [b.yaml, a.yaml]\nsortOptions: {order: fifo}\n',
    })
    assert.deepEqual(named(await load()), ['Deployment default/b', 'Namespace z'])
  })

  test('that changes nothing which it reads is not built again', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles(shop)
    const first = await load({ path: 'overlays/dev' })
    const other = commitFiles({ 'overlays/prod/extra.yaml': deployment('other'), 'README.md': 'x' })
    const second = await load({ path: 'overlays/dev' }, first)
    assert.equal(second.manifests[0]?.object, first.manifests[0]?.object)
    assert.ok(second.manifests.every(({ origin }) => origin.revision === other))
    commitFiles({ 'base/app.conf': 'colour=red\n' })
    const third = await load({ path: 'overlays/dev' }, second)
    assert.notDeepEqual(named(third), named(second), 'the ConfigMap has another name now')
  })

  test('that is broken leaves its objects as they were', async (t) => {
    const { commitFiles, load } = rendering(t)
    const good = commitFiles(shop)
    const first = await load({ path: 'overlays/prod' })
    commitFiles({
      'patches/replicas.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: nobody }\n',
    })
    const second = await load({ path: 'overlays/prod' }, first)
    assert.deepEqual(named(second), named(first))
    assert.ok(second.manifests.every(({ origin }) => origin.revision === good))
    assert.match(told(second).join('\n'), /^overlays\/prod\/kustomization\.yaml:0 kustomize build: .*nobody/)
    assert.match(told(second).join('\n'), new RegExp(`its 8 objects stay as in commit ${good.slice(0, 12)}`))
    commitFiles({ 'patches/replicas.yaml': shop['patches/replicas.yaml'] ?? '' })
    const third = await load({ path: 'overlays/prod' }, second)
    assert.deepEqual([named(third), told(third)], [named(first), []])
  })

  test('that is broken leaves its objects as they were after a restart too, with no Git to ask', async (t) => {
    const { commitFiles, repository, path, stateDir } = rendering(t)
    commitFiles({ 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': deployment('a') })
    const spec = { name: 'shop', ref: { branch: 'main' }, path: '', renderer: 'auto' as const }
    const seen: string[] = []
    const follow = () =>
      new SourceFollower({
        ...{ spec, repository, stateDir, poll: 60_000 },
        onState: (state) => seen.push(`${named(state).join()} ${state.problems.length}`),
        onError: () => undefined,
      })
    const before = follow()
    before.start()
    await before.refresh()
    commitFiles({ 'kustomization.yaml': 'resources: [gone.yaml]\n' })
    await before.refresh()
    await before.stop()
    rmSync(join(path, '.git'), { recursive: true })
    const after = follow()
    t.after(() => after.stop())
    after.start()
    for (let tries = 0; seen.length < 3 && tries < 400; tries++) await sleep(50)
    assert.deepEqual(seen, ['Deployment default/a 0', 'Deployment default/a 1', 'Deployment default/a 1'])
  })

  test('refuses what is fetched from elsewhere, with file and line', async (t) => {
    const { commitFiles, load } = rendering(t)
    for (const remote of [
      'https://example.com/x.yaml',
      'github.com/acme/shop//base?ref=v1',
      'git@example.com:acme/shop.git',
      'https://github.com/acme/shop/base?ref=v1',
      'ssh://git@example.com/acme/shop.git//base',
    ]) {
      commitFiles({ 'kustomization.yaml': `resources:\n  - ${remote}\n` })
      const state = await load()
      assert.equal(state.manifests.length, 0)
      assert.match(
        told(state).join('\n'),
        /^kustomization\.yaml:2 refers to ".*", which is fetched from elsewhere/,
      )
    }
  })

  test('refuses programs, containers and charts, with file and line', async (t) => {
    const { commitFiles, load } = rendering(t)
    const exec = `apiVersion: acme.example/v1
kind: Maker
metadata:
  name: maker
  annotations:
    config.kubernetes.io/function: |
      exec: { path: ./make.sh }
`
    commitFiles({
      'kustomization.yaml':
        'generators:\n  - make.yaml\n  - plugins\ntransformers:\n  - |-\n    apiVersion: acme/v1\n    kind: Changer\n    metadata: {name: c}\n',
      'plugins/kustomization.yaml': 'resources: [inner.yaml]\n',
      'plugins/inner.yaml': exec.replace('Maker', 'Inner'),
      'make.yaml': exec,
      'make.sh': '#!/bin/sh\ntouch /tmp/gitops-guard-escaped\n',
    })
    const state = await load()
    assert.match(told(state).join('\n'), /^kustomization\.yaml:5 Changer is not run/m)
    assert.match(told(state).join('\n'), /^make\.yaml:1 Maker is not run/m)
    commitFiles({ 'kustomization.yaml': 'generators: [plugins]\n' })
    assert.match(told(await load()).join('\n'), /^plugins\/inner\.yaml:1 Inner is not run/m)
    commitFiles({ 'kustomization.yaml': 'helmCharts:\n  - name: x\n    repo: https://charts.example\n' })
    assert.match(told(await load()).join('\n'), /^kustomization\.yaml:2 helmCharts is not rendered/)
  })

  test('reads no file outside of the repository', async (t) => {
    const { commitFiles, load, symlink, commit } = rendering(t)
    for (const kustomization of [
      'configMapGenerator: [{ name: a, files: [/etc/passwd] }]\n',
      'configMapGenerator: [{ name: a, files: [x=../../../../../../../../etc/passwd] }]\n',
      'resources: [../../../../../../etc]\n',
      'patches: [{ path: /etc/passwd }]\n',
      'generators: ["{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: a}, files: [/etc/passwd]}", gen.yaml]\n',
    ]) {
      commitFiles({
        'app/kustomization.yaml': kustomization,
        'app/gen.yaml':
          'apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: a}\nfiles: [/etc/passwd]\n',
      })
      const state = await load({ path: 'app' })
      assert.deepEqual(named(state), [])
      assert.match(told(state).join('\n'), /leaves the repository/, kustomization)
    }
    symlink('app/link', '/etc/passwd')
    symlink('app/up', '../../../../../../../../etc')
    for (const file of ['link', 'up/passwd']) {
      commitFiles({ 'app/kustomization.yaml': `configMapGenerator: [{ name: a, files: [${file}] }]\n` })
      commit()
      assert.match(
        told(await load({ path: 'app' })).join('\n'),
        /does not exist in the repository, or is a link out of it/,
      )
    }
  })

  test('follows links that stay inside', async (t) => {
    const { commitFiles, load, symlink } = rendering(t)
    symlink('app/common', '../shared/v1')
    symlink('shared/current.yaml', 'v1/web.yaml')
    commitFiles({
      'shared/v1/kustomization.yaml': 'resources: [web.yaml, ../../other/o.yaml]\n',
      'shared/v1/web.yaml': deployment('web'),
      'other/o.yaml': deployment('other'),
      'app/kustomization.yaml':
        'resources: [common]\nconfigMapGenerator: [{ name: a, files: [../shared/current.yaml] }]\n',
    })
    const state = await load({ path: 'app' })
    assert.deepEqual(told(state), [])
    assert.deepEqual(
      places(state)
        .filter((place) => !place.endsWith('~'))
        .sort(),
      ['other/o.yaml:1', 'shared/v1/web.yaml:1'],
    )
  })

  test('repeats no value of a Secret when it fails', async (t) => {
    const { commitFiles, load } = rendering(t)
    const patch =
      '{apiVersion: v1, kind: Secret, metadata: {name: nobody}, stringData: {password: hunter2hunter2}}'
    for (const files of [
      { 'kustomization.yaml': `resources: [w.yaml]\npatches:\n  - patch: |\n      ${patch}\n` },
      {
        'kustomization.yaml': 'resources: [w.yaml]\npatches: [{ path: p.yaml }]\n',
        'p.yaml': `[${patch},\n  hunter2hunter2`,
      },
    ]) {
      commitFiles({ ...files, 'w.yaml': deployment('w') })
      const text = told(await load()).join('\n')
      assert.match(text, /kustomize build/)
      t.diagnostic(text)
      assert.doesNotMatch(text, /hunter2hunter2/)
    }
  })

  test('that is missing is said', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ 'a.yaml': deployment('a') })
    assert.match(told(await load({ renderer: 'kustomize' })).join(), /has no kustomization\.yaml/)
  })
})
