/** What agents add to a kustomization, built by the real kustomize. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SourceSpec } from '../../src/git/source-spec.ts'
import type { LoadedSource } from '../../src/git/source.ts'
import { named, rendering, skip, told } from './rendering.ts'

const configMap = (name: string, data: Record<string, string> = {}, metadata: object = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data })

const deployment = JSON.stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { template: { spec: { containers: [{ name: 'web', image: 'registry.example/web:1' }] } } },
})

const flux: Partial<SourceSpec> = {
  path: 'app',
  renderer: 'kustomize',
  ignore: {},
  kustomize: { generate: true },
}

function objectsOf({ manifests }: LoadedSource): Map<string, Record<string, never>> {
  return new Map(manifests.map(({ ref, object }) => [ref.name, object as unknown as Record<string, never>]))
}

describe('a folder without a kustomization, for Flux', { skip }, () => {
  test('holds all its YAML and what its folders build, with files and lines', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({
      'app/a.yaml': configMap('a'),
      'app/deep/er/b.yml': configMap('b'),
      'app/notes.json': '{"not": "read"}',
      'app/sub/kustomization.yaml': 'resources: [c.yaml]\nnamePrefix: sub-\n',
      'app/sub/c.yaml': `# a comment\n${configMap('c')}`,
      'app/sub/not-built.yaml': configMap('not-built'),
      'app/sub/inner/kustomization.yaml': 'resources: [nothing.yaml]\n',
      'app/.github/workflow.yaml': 'on: push\n',
      'app/ignored.yaml': 'no: object\n',
      '.sourceignore': '/app/ignored.yaml\n',
    })
    const state = await load(flux)
    assert.deepEqual(told(state), [])
    assert.deepEqual(named(state), ['ConfigMap default/a', 'ConfigMap default/b', 'ConfigMap default/sub-c'])
    assert.deepEqual(
      state.manifests.map(({ origin }) => `${origin.file}:${origin.line}`),
      ['app/a.yaml:1', 'app/deep/er/b.yml:1', 'app/sub/c.yaml:2'],
    )
  })

  test('that holds none declares nothing', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ 'app/README.md': 'nothing yet\n' })
    const state = await load({ ...flux, ignore: undefined })
    assert.deepEqual([named(state), told(state)], [[], []])
  })

  test('with a file that is no manifest is a problem as a whole, as it is for Flux', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ 'app/a.yaml': configMap('a'), 'app/values.yaml': 'replicas: 1\n' })
    const state = await load(flux)
    assert.deepEqual(named(state), [])
    assert.match(told(state).join(), /kustomize build: .*values\.yaml/)
  })
})

describe('what an agent adds', { skip }, () => {
  test('is in what is built: namespace, names, patches, images, components, common metadata', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({
      'app/kustomization.yaml':
        'namespace: old\nnamePrefix: old-\nresources: [web.yaml]\nimages: [{ name: registry.example/web, newTag: "2" }]\n',
      'app/web.yaml': deployment,
      'extra/kustomization.yaml':
        'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml]\n',
      'extra/c.yaml': configMap('extra', {}, { labels: { team: 'old' } }),
    })
    const state = await load({
      ...flux,
      kustomize: {
        generate: true,
        edit: {
          set: { namespace: 'shop', namePrefix: 'p-', nameSuffix: '-s' },
          merge: { images: [{ name: 'registry.example/web', newTag: '3' }] },
          append: {
            patches: [
              {
                patch: '[{"op": "add", "path": "/spec/replicas", "value": 4}]',
                target: { kind: 'Deployment' },
              },
            ],
          },
          components: { folders: ['../extra', '../missing'], ignoreMissing: true },
        },
        metadata: { labels: { team: 'shop' }, annotations: { by: 'flux' } },
      },
    })
    assert.deepEqual(told(state), [])
    assert.deepEqual(named(state), ['ConfigMap shop/p-extra-s', 'Deployment shop/p-web-s'])
    const [extra, web] = state.manifests.map(({ object }) => JSON.parse(JSON.stringify(object)))
    assert.equal(web.spec.replicas, 4)
    assert.equal(web.spec.template.spec.containers[0].image, 'registry.example/web:3')
    assert.deepEqual(extra.metadata.labels, { team: 'shop' })
    assert.deepEqual(extra.metadata.annotations, { by: 'flux' })
  })

  test('is told where it cannot be built: a component that is not there', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ 'app/a.yaml': configMap('a') })
    const edit = { components: { folders: ['../missing'], ignoreMissing: false } }
    const state = await load({ ...flux, kustomize: { generate: true, edit } })
    assert.match(told(state).join(), /app\/kustomization\.yaml:0 refers to "\.\.\/missing"/)
  })

  test('replaces variables, but not where a manifest opts out', async (t) => {
    const { commitFiles, load } = rendering(t)
    const optOut = { annotations: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } }
    commitFiles({
      'app/a.yaml': configMap('a-${env}', { region: '${region:=nowhere}', nothing: '${count}' }),
      'app/b.yaml': configMap('b', { region: '${region}' }, optOut),
    })
    const state = await load({
      ...flux,
      kustomize: {
        generate: true,
        variables: [
          ['env', 'prod'],
          ['region', 'eu'],
        ],
      },
    })
    assert.deepEqual(told(state), [])
    const objects = objectsOf(state)
    assert.deepEqual(objects.get('a-prod')?.['data'], { region: 'eu', nothing: null })
    assert.deepEqual(objects.get('b')?.['data'], { region: '${region}' })
    const without = await load(flux)
    assert.deepEqual(objectsOf(without).get('b')?.['data'], { region: '${region}' })
  })

  test('is told where variables cannot be replaced, and what was there stays', async (t) => {
    const { commitFiles, load } = rendering(t)
    const variables = {
      ...flux,
      kustomize: { generate: true, variables: [['env', 'prod']] },
    } as Partial<SourceSpec>
    commitFiles({ 'app/a.yaml': configMap('a', { env: '${env}' }) })
    const before = await load(variables)
    commitFiles({ 'app/a.yaml': configMap('a', { env: '${env' }) })
    const state = await load(variables, before)
    assert.deepEqual(named(state), ['ConfigMap default/a'])
    assert.match(
      told(state).join(),
      /variables cannot be replaced: a closing brace is missing \(its object stays/,
    )
  })

  test('leaves out what the agent leaves alone', async (t) => {
    const { commitFiles, load } = rendering(t)
    const off = { annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'Disabled' } }
    commitFiles({ 'app/a.yaml': configMap('a'), 'app/b.yaml': configMap('b', {}, off) })
    const leaveOut = [{ key: 'kustomize.toolkit.fluxcd.io/reconcile', values: ['disabled'] }]
    assert.deepEqual(named(await load({ ...flux, kustomize: { generate: true, leaveOut } })), [
      'ConfigMap default/a',
    ])
  })

  test('leaves out what is made of encrypted files, and what names it by its hash', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({
      'app/kustomization.yaml':
        'resources: [web.yaml, a.yaml]\nsecretGenerator: [{ name: login, envs: [login.env] }]\n',
      'app/login.env': 'PASSWORD=ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]\nsops_version=3.9.0\n',
      'app/web.yaml': deployment.replace(
        '"name":"web","image"',
        '"name":"web","envFrom":[{"secretRef":{"name":"login"}}],"image"',
      ),
      'app/a.yaml': configMap('a'),
    })
    const state = await load(flux)
    assert.deepEqual(named(state), ['ConfigMap default/a'])
    assert.equal(state.problems.length, 2)
    assert.match(told(state).join('\n'), /SOPS/)
    assert.doesNotMatch(told(state).join('\n'), /data:abc/)
  })
})

describe('what Argo CD says', { skip }, () => {
  test('of a chart: values of the repository and of the Application, single ones last, CRDs left out', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({
      'chart/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
      'chart/values.yaml': 'a: 1\nb: 1\nc: 1\nd: 1\n',
      'chart/crds/crd.yaml':
        'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: a.b }\n',
      'chart/templates/c.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }} }\ndata: { all: {{ printf "%v %v %v %v" .Values.a .Values.b .Values.c .Values.d | quote }} }\n',
      'prod/values.yaml': 'b: 2\nc: 2\nd: 2\n',
    })
    const state = await load({
      path: 'chart',
      renderer: 'auto',
      helm: {
        release: 'web',
        values: ['/prod/values.yaml', 'missing.yaml'],
        ignoreMissing: true,
        texts: ['{"c": 3, "d": 3}'],
        set: [['d', 'x,y']],
        skipCrds: true,
      },
    })
    assert.deepEqual(told(state), [])
    assert.deepEqual(named(state), ['ConfigMap default/web'])
    assert.deepEqual(state.manifests[0]?.object['data'], { all: '1 2 3 x,y' })
  })

  test('of a directory: its own files, or those of its folders too, by patterns; Jsonnet is said', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({
      'app/a.yaml': configMap('a'),
      'app/b.json': configMap('b'),
      'app/c.jsonnet': '{}',
      'app/deep/d.yaml': configMap('d'),
      'app/deep/e.yaml': configMap('e'),
    })
    const names = async (directory: SourceSpec['directory']) =>
      named(await load({ path: 'app', renderer: 'plain', directory })).map((name) => name.slice(-1))
    assert.deepEqual(await names({ recurse: false }), ['a', 'b'])
    assert.deepEqual(await names({ recurse: true, exclude: 'deep/e*' }), ['a', 'b', 'd'])
    assert.deepEqual(await names({ recurse: true, include: '{*.json,deep/*}' }), ['b', 'd', 'e'])
    assert.match(
      told(await load({ path: 'app', directory: { recurse: false } })).join(),
      /c\.jsonnet:0 is Jsonnet/,
    )
  })

  test('in the repository is not heeded: then it is not rendered', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ 'app/a.yaml': configMap('a'), 'app/.argocd-source-shop.yaml': 'kustomize: {}\n' })
    const state = await load({ path: 'app', refuses: ['.argocd-source.yaml', '.argocd-source-shop.yaml'] })
    assert.deepEqual(named(state), [])
    assert.match(told(state).join(), /\.argocd-source-shop\.yaml:0 changes how this is rendered/)
  })
})
