import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kustomizationReferences, pluginReferences } from './kustomize-references.ts'

const paths = (value: Parameters<typeof kustomizationReferences>[0]) =>
  kustomizationReferences(value).references.map(({ path, to }) => `${to} ${path}`)

test('name every file and folder that a kustomization reads', () => {
  const value = {
    resources: ['a.yaml', '../base'],
    bases: ['b'],
    components: ['c'],
    crds: ['crd.json'],
    configurations: ['names.yaml'],
    patchesStrategicMerge: ['p.yaml', 'kind: X\nmetadata: {}'],
    patches: [{ path: 'p2.yaml' }, { patch: 'x' }],
    patchesJson6902: [{ path: 'p3.yaml', target: {} }],
    replacements: [{ path: 'r.yaml' }, { source: {} }],
    openapi: { path: 'schema.json' },
    configMapGenerator: [{ name: 'a', files: ['key=f1', 'f2'], envs: ['e1'], env: 'e2', literals: ['x=y'] }],
    secretGenerator: [{ name: 'a', files: ['s'] }],
    generators: ['g.yaml'],
    images: [{ name: 'not/a/path', newTag: '1' }],
  }
  const expected =
    'either a.yaml, either ../base, folder b, folder c, file crd.json, file names.yaml, file p.yaml, either g.yaml, file p2.yaml, file p3.yaml, file r.yaml, file schema.json, file f1, file f2, file e1, file e2, file s'
  assert.equal(paths(value).join(', '), expected)
})

test('mark what becomes a Secret', () => {
  const { references } = kustomizationReferences({
    configMapGenerator: [{ files: ['a'] }],
    secretGenerator: [{ files: ['b'], envs: ['c'] }],
  })
  assert.deepEqual(
    references.filter(({ secret }) => secret).map(({ path }) => path),
    ['b', 'c'],
  )
})

test('say where a reference is written', () => {
  const { references } = kustomizationReferences({ patches: [{}, { path: 'p.yaml' }] })
  assert.deepEqual(references[0]?.at, ['patches', 1, 'path'])
})

test('refuse programs and charts, inline ones too', () => {
  const inline = 'apiVersion: acme/v1\nkind: Maker\nmetadata: {name: a}'
  const found = kustomizationReferences({
    helmCharts: [],
    transformers: [inline, '{kind: HelmChartInflationGenerator, apiVersion: builtin}'],
  })
  assert.equal(found.refused.length, 3)
  const disguised =
    'apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {annotations: {config.kubernetes.io/function: x}}'
  assert.match(pluginReferences(disguised).refused[0]?.message ?? '', /ConfigMapGenerator is not run/)
})

test('name the files of builtin plugins', () => {
  const text = `apiVersion: builtin
kind: PatchTransformer
path: a.yaml
---
apiVersion: builtin
kind: SecretGenerator
envs: [b.env]
---
apiVersion: builtin
kind: ReplacementTransformer
replacements: [{ path: c.yaml }]
---
apiVersion: builtin
kind: PatchStrategicMergeTransformer
paths: [d.yaml, "kind: X\\nspec: {}"]
`
  const { references, refused } = pluginReferences(text)
  assert.deepEqual(
    references.map(({ path }) => path),
    ['a.yaml', 'b.env', 'c.yaml', 'd.yaml'],
  )
  assert.deepEqual(refused, [])
})

test('make nothing of what is no kustomization', () => {
  for (const value of [
    null,
    'x',
    [1],
    { resources: 'a', patches: {}, configMapGenerator: [null, 'x'] },
    { resources: [1, null, ''] },
  ])
    assert.deepEqual(kustomizationReferences(value), { references: [], refused: [] })
})
