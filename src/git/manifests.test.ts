import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readManifests } from './manifests.ts'
import { readDocuments } from './yaml.ts'

function read(text: string, file = 'shop/app.yaml') {
  const { documents, problems } = readDocuments(text, file)
  assert.deepEqual(problems, [])
  return readManifests(documents, { source: 'shop', file, revision: 'c0ffee' })
}

/** The one problem of a text that declares nothing. */
function problem(text: string, file?: string) {
  const { manifests, problems } = read(text, file)
  assert.deepEqual(manifests, [])
  assert.equal(problems.length, 1)
  return problems[0]
}

describe('a manifest', () => {
  test('has identity, origin and hash', () => {
    const { manifests } = read(
      '# the web\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec: {replicas: 2}\n',
    )
    const [only] = manifests
    assert.deepEqual(only?.ref, { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' })
    assert.deepEqual(only.origin, { file: 'shop/app.yaml', line: 2, revision: 'c0ffee' })
    assert.match(only.hash, /^[0-9a-f]{32}$/)
  })

  test('hashes the same whatever the order of its keys, and otherwise when a value changes', () => {
    const hash = (text: string) => read(text).manifests[0]?.hash
    const a = hash('apiVersion: v1\nkind: X\nmetadata: {name: a}\ndata: {p: "1", q: "2"}\n')
    const b = hash('kind: X\ndata: {q: "2", p: "1"}\nmetadata: {name: a}\napiVersion: v1\n')
    const c = hash('kind: X\ndata: {q: "2", p: 1}\nmetadata: {name: a}\napiVersion: v1\n')
    assert.equal(a, b)
    assert.notEqual(a, c)
  })

  test('hashes integers beyond 2^53 by every digit', () => {
    const hash = (n: string) =>
      read(`apiVersion: v1\nkind: X\nmetadata: {name: a}\nn: ${n}\n`).manifests[0]?.hash
    assert.notEqual(hash('9007199254740993'), hash('9007199254740992'))
  })
})

describe('a List', () => {
  test('is taken apart, each item with its own line', () => {
    const { manifests } = read(`apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: a}
-
  apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Secret, metadata: {name: b}}
`)
    assert.deepEqual(
      manifests.map(({ ref, origin }) => [ref.kind, ref.name, origin.line]),
      [
        ['Service', 'a', 4],
        ['Secret', 'b', 11],
      ],
    )
  })

  test('of one kind lends it to its items', () => {
    const { manifests } = read('apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n')
    assert.equal(manifests[0]?.ref.kind, 'ConfigMap')
    assert.equal(manifests[0].object.apiVersion, 'v1')
  })

  test('of broken items says which', () => {
    const { manifests, problems } = read(
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n- {apiVersion: v1, kind: B, metadata: {name: b}}\n',
    )
    assert.equal(manifests.length, 1)
    assert.equal(problems[0]?.line, 4)
  })

  test('that is empty declares nothing', () => {
    assert.deepEqual(read('apiVersion: v1\nkind: List\nitems: []\n').manifests, [])
  })
})

describe('no manifest', () => {
  for (const [name, text, line, message] of [
    ['without kind', '\napiVersion: v1\nmetadata: {name: a}\n', 2, /must have kind, such as Deployment/],
    ['without apiVersion', 'kind: Secret\nmetadata: {name: a}\n', 1, /must have apiVersion, such as v1/],
    ['without either', 'image:\n  tag: 1\n', 1, /neither apiVersion nor kind/],
    ['without metadata', 'apiVersion: v1\nkind: Secret\n', 1, /Secret must have metadata with a name/],
    [
      'without a name',
      'apiVersion: v1\nkind: Secret\nmetadata:\n  labels: {}\n',
      4,
      /metadata\.name: there is none/,
    ],
    [
      'with a number as name',
      'apiVersion: v1\nkind: Secret\nmetadata:\n  name: 123\n',
      4,
      /put 123 in quotes/,
    ],
    [
      'with a path as name',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: ../x}\n',
      3,
      /cannot be "\.\.\/x"/,
    ],
    [
      'with a wrong namespace',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: A_b}\n',
      3,
      /"A_b"/,
    ],
    [
      'with a strange apiVersion',
      'apiVersion: a/b/c\nkind: Secret\nmetadata: {name: a}\n',
      1,
      /like v1 or apps\/v1/,
    ],
    ['that is a list', '- a\n', 1, /but a list/],
    ['that is text', 'hello\n', 1, /but text/],
    [
      'with generateName',
      'apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: run-\n',
      4,
      /creates another one/,
    ],
  ] as const) {
    test(`${name} is said with its line`, () => {
      const found = problem(text)
      assert.match(found?.message ?? '', message)
      assert.equal(found?.line, line)
      assert.equal(found.source, 'shop')
    })
  }

  test('encrypted by SOPS is said, without its values', () => {
    const found = problem(
      'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {p: "ENC[AES256_GCM,data:hunter2]"}\nsops: {mac: hunter2, age: []}\n',
    )
    assert.match(found?.message ?? '', /encrypted by SOPS/)
    assert.doesNotMatch(found?.message ?? '', /hunter2/)
  })

  test('of Kustomize is passed over', () => {
    const { manifests, problems } = read(
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n',
    )
    assert.deepEqual([manifests, problems], [[], []])
  })

  test('of Flux named Kustomization is a manifest', () => {
    const { manifests } = read(
      'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n',
    )
    assert.equal(manifests.length, 1)
  })

  test('in a dashboard beside the manifests is passed over', () => {
    assert.deepEqual(read('{"panels": []}', 'shop/dashboard.json').problems, [])
  })
})
