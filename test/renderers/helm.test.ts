/** Charts that the real Helm renders. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { named, places, rendering, skip, told } from './rendering.ts'

/** A chart with values, a helper, hooks, a test, CRDs, notes, and a chart inside. */
const chart: Record<string, string> = {
  'chart/Chart.yaml':
    'apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n  - name: cache\n    version: 0.1.0\n    condition: cache.enabled\n',
  'chart/values.yaml': 'replicas: 1\ncolour: blue\ncache: { enabled: true, size: 1 }\n',
  'chart/values-prod.yaml': 'replicas: 3\ncache: { size: 9 }\n',
  'chart/templates/_helpers.tpl': '{{- define "shop.name" -}}{{ .Release.Name }}-web{{- end }}\n',
  'chart/templates/web.yaml': `{{- if .Values.replicas }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.name" . }}
  namespace: {{ .Release.Namespace }}
spec:
  replicas: {{ .Values.replicas }}
{{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-one
data: { colour: {{ .Values.colour }} }
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-two
data: { kube: {{ .Capabilities.KubeVersion.Version | quote }} }
`,
  'chart/templates/hook.yaml':
    'apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate, annotations: { helm.sh/hook: pre-upgrade } }\n',
  'chart/templates/tests/ping.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata: { name: ping, annotations: { "helm.sh/hook": test } }\n',
  'chart/templates/NOTES.txt': 'Thank you for installing {{ .Chart.Name }}.\n',
  'chart/crds/cart.yaml': `# carts
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: carts.shop.example }
spec: { group: shop.example }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: coupons.shop.example }
spec: { group: shop.example }
`,
  'chart/charts/cache/Chart.yaml': 'apiVersion: v2\nname: cache\nversion: 0.1.0\n',
  'chart/charts/cache/templates/cache.yaml':
    'apiVersion: v1\nkind: Service\nmetadata: { name: cache }\nspec: { ports: [{ port: {{ .Values.size }} }] }\n',
}

const minimal = {
  'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
  'values.yaml': 'password: hunter2hunter2\n',
}
const template = (name: string, data: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\nstringData:\n  password: ${data}\n`

describe('a chart', { skip }, () => {
  test('is rendered with its values and charts, its CRDs, and without hooks, tests and notes', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles(chart)
    const helm = { release: 'prod', values: ['values-prod.yaml'], kubeVersion: 'v1.36.3' }
    const state = await load({ path: 'chart', namespace: 'shop', helm })
    assert.deepEqual(told(state), [])
    const objects = Object.fromEntries(
      named(state).map((name, index) => [name, state.manifests[index]?.object]),
    )
    assert.deepEqual(Object.keys(objects).sort(), [
      'ConfigMap shop/prod-one',
      'ConfigMap shop/prod-two',
      'CustomResourceDefinition carts.shop.example',
      'CustomResourceDefinition coupons.shop.example',
      'Deployment shop/prod-web',
      'Service shop/cache',
    ])
    assert.deepEqual(objects['Deployment shop/prod-web']?.['spec'], { replicas: 3 })
    assert.deepEqual(objects['ConfigMap shop/prod-two']?.['data'], { kube: 'v1.36.3' })
    assert.deepEqual(objects['Service shop/cache']?.['spec'], { ports: [{ port: 9 }] })
    const where = Object.fromEntries(named(state).map((name, index) => [name, places(state)[index]]))
    assert.deepEqual(where, {
      'CustomResourceDefinition carts.shop.example': 'chart/crds/cart.yaml:2',
      'CustomResourceDefinition coupons.shop.example': 'chart/crds/cart.yaml:7',
      'Deployment shop/prod-web': 'chart/templates/web.yaml:2~',
      'ConfigMap shop/prod-one': 'chart/templates/web.yaml:11~',
      'ConfigMap shop/prod-two': 'chart/templates/web.yaml:17~',
      'Service shop/cache': 'chart/charts/cache/templates/cache.yaml:1~',
    })
  })

  test('takes its release from the name of the source, and values from its own folder or another', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ ...chart, 'environments/dev.yaml': 'replicas: 0\ncache: { enabled: false }\n' })
    const state = await load({
      path: 'chart',
      namespace: 'shop',
      helm: { values: ['../environments/dev.yaml'] },
    })
    assert.deepEqual(told(state), [])
    assert.deepEqual(
      named(state)
        .filter((name) => !name.startsWith('Custom'))
        .sort(),
      ['ConfigMap shop/shop-one', 'ConfigMap shop/shop-two'],
    )
    for (const [file, message] of [
      ['/etc/passwd', /is not in the repository/],
      ['../../etc/passwd', /is not in the repository/],
      ['https://example.com/values.yaml', /is not in the repository/],
      ['values-no.yaml', /chart\/values-no\.yaml:0 is named by helm\.values and does not exist/],
    ] as const) {
      assert.match(told(await load({ path: 'chart', helm: { values: [file] } })).join(), message)
    }
    assert.match(
      told(await load({ path: 'chart', name: 'No Name' })).join(),
      /cannot be a release named "No Name"/,
    )
  })

  test('whose dependencies are not in charts/ says which; one of the repository is taken from there', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({
      'chart/Chart.yaml':
        'apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n  - { name: common, version: 1.x.x, repository: "file://../common" }\n  - { name: redis, version: 1.0.0, repository: "https://charts.example" }\n',
      'common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 1.0.0\n',
      'common/templates/c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: common }\n',
    })
    assert.match(
      told(await load({ path: 'chart' })).join('\n'),
      /^chart\/Chart\.yaml:6 depends on redis, which is not in charts\/, and is fetched from https:\/\/charts\.example/,
    )
    commitFiles({
      'chart/Chart.yaml':
        'apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n  - { name: common, version: 1.x.x, repository: "file://../common" }\n',
    })
    const state = await load({ path: 'chart' })
    assert.deepEqual(
      [told(state), named(state), places(state)],
      [[], ['ConfigMap default/common'], ['common/templates/c.yaml:1~']],
    )
  })

  test('that makes values up says which, and is guarded in all the rest', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({
      ...minimal,
      'templates/random.yaml': template('made-up', '{{ randAlphaNum 20 | quote }}'),
      'templates/fixed.yaml': template('fixed', '{{ .Values.password | quote }}'),
      'templates/named.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "a-{{ randAlpha 5 | lower }}" }\n',
    })
    const state = await load()
    assert.deepEqual(named(state), ['Secret default/fixed'])
    const text = told(state).join('\n')
    assert.match(
      text,
      /^templates\/random\.yaml:1 Secret made-up is rendered with random values \(stringData\.password\)/m,
    )
    assert.match(
      text,
      /^templates\/named\.yaml:1 ConfigMap a-\w+ is rendered with random values \(its name\)/m,
    )
    assert.equal(state.problems.length, 2)
  })

  test('that fails names the template and the line, repeats no secret, and leaves its objects as they were', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ ...minimal, 'templates/a.yaml': template('a', 'x') })
    const good = await load()
    commitFiles({ 'templates/b.yaml': '\n\n{{ fail (printf "no: %s" .Values.password) }}\n' })
    const bad = await load({}, good)
    assert.deepEqual(named(bad), ['Secret default/a'])
    assert.match(
      told(bad).join('\n'),
      /^templates\/b\.yaml:3 helm template: .*no: \*\*\*.*its object stays as in commit/,
    )
    commitFiles({ 'templates/b.yaml': '{{ .Values.none.at.all }}\n' })
    assert.match(told(await load()).join('\n'), /^templates\/b\.yaml:1 helm template: .*nil pointer/)
  })

  test('that changes nothing which it reads is not rendered again', async (t) => {
    const { commitFiles, load } = rendering(t)
    commitFiles({ ...chart, 'README.md': 'a' })
    const first = await load({ path: 'chart' })
    const revision = commitFiles({ 'README.md': 'b' })
    const second = await load({ path: 'chart' }, first)
    assert.equal(second.manifests[0]?.object, first.manifests[0]?.object)
    assert.equal(second.manifests[0]?.origin.revision, revision)
    const other = await load({ path: 'chart', helm: { values: ['values-prod.yaml'] } }, second)
    assert.notDeepEqual(
      other.manifests.map(({ hash }) => hash),
      second.manifests.map(({ hash }) => hash),
    )
  })

  test('sees no cluster, no environment and no file of this machine', async (t) => {
    const { commitFiles, load, symlink } = rendering(t)
    symlink('templates/passwd.yaml', '/etc/passwd')
    commitFiles({ ...minimal, 'templates/a.yaml': template('a', 'x') })
    assert.match(
      told(await load()).join(),
      /templates\/passwd\.yaml:0 is a symbolic link that leads to nothing in this repository/,
    )
    const other = rendering(t)
    other.commitFiles({
      ...minimal,
      'templates/a.yaml': template(
        'a',
        '{{ print (lookup "v1" "Secret" "" "") (.Files.Get "/etc/passwd") (.Files.Get "../../../../etc/passwd") (getHostByName "localhost") | quote }}',
      ),
    })
    const [secret] = (await other.load()).manifests
    assert.deepEqual(secret?.object['stringData'], { password: 'map[]' })
  })
})
