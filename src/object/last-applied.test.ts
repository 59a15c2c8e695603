import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sameAsManifest } from './last-applied.ts'

const manifest = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', labels: { a: 'b' } },
  data: { k: 'v' },
}

test('the same content in another form', () => {
  const written = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    data: { k: 'v' },
    metadata: {
      annotations: {},
      labels: { a: 'b' },
      name: 'web',
      namespace: 'shop',
      creationTimestamp: null,
    },
  }
  assert.equal(sameAsManifest(`${JSON.stringify(written)}\n`, manifest), true)
})

test('not the same where a value differs, or where it is no object', () => {
  for (const text of [
    JSON.stringify({ ...manifest, data: { k: 'w' } }),
    'null',
    '[]',
    '{',
    '"x"',
    '{"metadata":1}',
  ]) {
    assert.equal(sameAsManifest(text, manifest), false, text)
  }
  assert.equal(sameAsManifest(undefined, manifest), false)
  assert.equal(sameAsManifest(JSON.stringify({ ...manifest, metadata: { name: 'other' } }), manifest), false)
})
