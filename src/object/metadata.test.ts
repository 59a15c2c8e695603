import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseManifest, withoutServerMetadata } from './metadata.ts'
import { stringifyJson } from './json.ts'

const metadata = {
  name: 'web',
  uid: 'u',
  resourceVersion: '1',
  generation: 3,
  creationTimestamp: null,
  managedFields: [],
  selfLink: '/x',
  deletionTimestamp: 't',
  deletionGracePeriodSeconds: 0,
  finalizers: ['a'],
}

test('leave out what the server alone writes, and keep the rest', () => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } }
  assert.deepEqual(withoutServerMetadata(object), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'web', finalizers: ['a'] },
    data: { a: 'b' },
  })
  assert.equal(object.metadata.uid, 'u')
})

test('a manifest means the same without status, nulls and empty labels', () => {
  const plain = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: {} }
  const written = {
    ...plain,
    metadata: { ...metadata, finalizers: null, labels: null, annotations: { a: null } },
    status: { ready: true },
  }
  assert.deepEqual(normaliseManifest(written), plain)
})

test('a key that JavaScript treats apart stays a key', () => {
  const object = JSON.parse('{"apiVersion":"v1","kind":"X","metadata":{"__proto__":{"uid":"x"}}}')
  assert.equal(stringifyJson(withoutServerMetadata(object)), stringifyJson(object))
})
