/** Charts as Flux's source-controller packs them and its helm-controller finishes them, by the real Helm and Kustomize. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FluxHelmSpec, HelmSpec, SourceSpec } from '../../src/git/source-spec.ts'
import type { LoadedSource } from '../../src/git/source.ts'
import { named, places, rendering, skip, told } from './rendering.ts'

const files = {
  'web/Chart.yaml': '# the shop\napiVersion: v2\nname: web\nversion: 1.2\n',
  'web/values.yaml': 'colour: blue\nsize: 1\n',
  'web/templates/web.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  labels: { chart: "{{ .Chart.Version | replace "+" "_" }}", app.kubernetes.io/managed-by: chart }
data:
  colour: {{ .Values.colour | quote }}
  size: {{ .Values.size | default "none" | quote }}
`,
  'web/templates/hook.yaml':
    'apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate, annotations: { helm.sh/hook: pre-upgrade } }\n',
  'web/templates/free.yaml':
    'apiVersion: v1\nkind: Secret\nmetadata: { name: free, annotations: { helm.toolkit.fluxcd.io/driftDetection: disabled } }\n',
  'web/templates/list.yaml':
    'apiVersion: v1\nkind: List\nitems:\n  - { apiVersion: v1, kind: Service, metadata: { name: one } }\n',
  'web/crds/cart.yaml':
    'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: carts.shop.example }\nspec: { group: shop.example }\n',
  'prod.yaml': 'colour: red\n',
}

function spec(flux: Partial<FluxHelmSpec> = {}, helm: Partial<HelmSpec> = {}): Partial<SourceSpec> {
  return {
    path: 'web',
    renderer: 'helm',
    namespace: 'shop',
    ignore: {},
    helm: {
      release: 'web',
      values: [],
      ...helm,
      flux: { name: 'web', namespace: 'team', follows: 'commit', ...flux },
    },
  }
}

function object(state: LoadedSource, name: string) {
  const manifest = state.manifests.find(({ ref }) => ref.name === name)
  assert.ok(manifest, name)
  return manifest.object as unknown as {
    metadata: { labels?: Record<string, string>; annotations?: Record<string, string> }
    data: Record<string, string>
  }
}

describe('a chart that Flux releases', { skip }, () => {
  test('is what Flux applies: its labels, Helm’s marks, no hooks, nothing that may drift', async (t) => {
    const { commitFiles, load } = rendering(t)
    const commit = commitFiles(files)
    const state = await load(spec({ labels: { team: 'a' } }))
    assert.deepEqual(told(state), [])
    assert.deepEqual(named(state), [
      'CustomResourceDefinition carts.shop.example',
      'ConfigMap shop/web',
      'Service shop/one',
    ])
    const labels = { 'helm.toolkit.fluxcd.io/name': 'web', 'helm.toolkit.fluxcd.io/namespace': 'team' }
    const annotations = { 'meta.helm.sh/release-name': 'web', 'meta.helm.sh/release-namespace': 'shop' }
    const managed = { team: 'a', ...labels, 'app.kubernetes.io/managed-by': 'Helm' }
    const { metadata, data } = object(state, 'web')
    assert.deepEqual(metadata.labels, { chart: `1.2.0_${commit.slice(0, 12)}`, ...managed })
    assert.deepEqual([metadata.annotations, data], [annotations, { colour: 'blue', size: '1' }])
    assert.deepEqual(object(state, 'one').metadata.labels, managed)
    assert.deepEqual(object(state, 'carts.shop.example').metadata.labels, labels)
  })

  test('has values files in place of its own, and a version that says so', async (t) => {
    const { commitFiles, load } = rendering(t)
    const commit = commitFiles(files)
    const state = await load(spec({ generation: 4 }, { values: ['/prod.yaml'], texts: ['{"size":9}'] }))
    assert.deepEqual(object(state, 'web').data, { colour: 'red', size: '9' })
    assert.equal(object(state, 'web').metadata.labels?.['chart'], `1.2.0_${commit.slice(0, 12)}.4`)
    const own = await load(spec({ generation: 4 }, { values: ['/prod.yaml'] }))
    assert.equal(object(own, 'web').data['size'], 'none')
  })

  test('goes through post-renderers, and each object keeps its place in Git', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles(files)
    const patch = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { colour: green }\n'
    const kustomizations = [
      { patches: [{ patch }] },
      {
        patches: [
          {
            patch: '[{"op":"add","path":"/data/more","value":"yes"}]',
            target: { kind: 'ConfigMap' },
          },
        ],
      },
    ]
    const state = await load(spec({ kustomizations }))
    assert.deepEqual(told(state), [])
    assert.deepEqual(object(state, 'web').data, { colour: 'green', size: '1', more: 'yes' })
    const where = Object.fromEntries(named(state).map((name, index) => [name, places(state)[index]]))
    assert.deepEqual(where, {
      'CustomResourceDefinition carts.shop.example': 'web/crds/cart.yaml:1',
      'Service shop/one': 'web/templates/list.yaml:1~',
      'ConfigMap shop/web': 'web/templates/web.yaml:1~',
    })
    assert.deepEqual(Object.keys(object(state, 'web').metadata.annotations ?? {}), [
      'meta.helm.sh/release-name',
      'meta.helm.sh/release-namespace',
    ])
  })

  test('stays as it was until its version is another one, where Flux goes by that', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles(files)
    const byVersion = (colour: string) =>
      spec({ follows: 'version' }, { texts: [JSON.stringify({ colour })] })
    const first = await load(byVersion('a'))
    const template = files['web/templates/web.yaml'].replace('size:', 'extent:')
    commitFiles({ 'web/templates/web.yaml': template })
    const second = await load(byVersion('b'), first)
    // Other values are a release of the chart as Flux has it.
    assert.deepEqual(object(second, 'web').data, { colour: 'b', size: '1' })
    assert.equal(object(second, 'web').metadata.labels?.['chart'], '1.2')
    commitFiles({ 'web/Chart.yaml': files['web/Chart.yaml'].replace('1.2', '1.3.0') })
    const third = await load(byVersion('b'), second)
    assert.deepEqual(object(third, 'web').data, { colour: 'b', extent: '1' })
  })

  test('is rendered again for another cluster only where it looks at the cluster', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles(files)
    const on = (kubeVersion: string) => spec({}, { kubeVersion, apiVersions: ['shop.example/v1'] })
    const first = await load(on('v1.35.0'))
    const second = await load(on('v1.36.0'), first)
    assert.equal(second.rendering?.documents, first.rendering?.documents)
    const looking =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: looks }\ndata:\n  kube: {{ .Capabilities.KubeVersion.Version }}\n  carts: {{ .Capabilities.APIVersions.Has "shop.example/v1" | quote }}\n'
    commitFiles({ 'web/templates/looks.yaml': looking })
    const third = await load(on('v1.35.0'), second)
    assert.deepEqual(object(third, 'looks').data, { kube: 'v1.35.0', carts: 'true' })
    assert.equal(object(await load(on('v1.36.0'), third), 'looks').data['kube'], 'v1.36.0')
  })

  test('says no value of a Secret when it cannot be rendered', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ ...files, 'web/templates/fail.yaml': '{{ fail .Values.colour }}\n' })
    const secret = 'colour: not-for-anybody\n'
    const state = await load(spec({ secrets: [secret] }, { texts: [secret] }))
    assert.match(told(state).join(), /helm template: .*\*\*\*/)
    assert.doesNotMatch(told(state).join(), /not-for-anybody/)
    const patch = 'no: patch\n'
    assert.match(
      told(await load(spec({ kustomizations: [{ patches: [{ patch }] }] }))).join(),
      /web\/(Chart\.yaml|templates)/,
    )
  })

  test('is named as Flux names it where its name is too long', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles(files)
    const state = await load(spec({}, { release: 'x'.repeat(60) }))
    const names = state.manifests.map(({ ref }) => ref.name)
    assert.ok(names.includes('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-42f2d9733566'), names.join())
  })
})
