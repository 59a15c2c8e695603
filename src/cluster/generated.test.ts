import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { formatPath } from '../object/path.ts'
import { filledIn, generatedIn } from './generated.ts'

const object = (spec: JsonObject): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a' },
  spec,
})
const shape = { fields: { spec: { fields: { items: { list: { keys: ['name'] } } } } } }

it('take what differs between two answers for the server’s own', () => {
  const one = object({ same: 1, id: 'x', items: [{ name: 'a', uid: '1' }] })
  const other = object({ same: 1, id: 'y', items: [{ name: 'a', uid: '2' }] })
  assert.deepEqual(generatedIn(one, other, shape).paths.map(formatPath), [
    'spec.id',
    'spec.items[name=a].uid',
  ])
  assert.deepEqual(generatedIn(one, one, shape), { paths: [], items: [] })
})

it('take an item with a random name for the server’s, and not the list that it is in', () => {
  const one = object({ items: [{ name: 'a' }, { name: 'tmp-x-ab1', size: 1, id: 'a' }] })
  const other = object({ items: [{ name: 'tmp-x-ab2', size: 1, id: 'b' }, { name: 'a' }] })
  const { paths, items } = generatedIn(one, other, shape)
  assert.deepEqual(paths, [])
  assert.deepEqual(items, [
    {
      list: ['spec', 'items'],
      item: { name: 'tmp-x-ab1', size: 1, id: 'a' },
      keys: ['name'],
      madeUp: [
        { path: ['name'], begins: 'tmp-x-' },
        { path: ['id'], begins: '' },
      ],
    },
  ])
})

it('take a whole list where the number of its items is random', () => {
  const one = object({ items: [{ name: 'a' }, { name: 'token-1' }] })
  const other = object({ items: [{ name: 'a' }, { name: 'token-2' }, { name: 'token-3' }] })
  assert.deepEqual(generatedIn(one, other, shape).paths.map(formatPath), ['spec.items'])
})

it('see which fields were filled in, and which hold the time of the request', () => {
  const now = Date.parse('2026-01-02T03:04:05Z')
  const manifest = object({ given: '2026-01-02T03:04:05Z', items: [{ name: 'a' }] })
  const canonical = object({
    given: '2026-01-02T03:04:05Z',
    at: '2026-01-02T03:04:06.5Z',
    seconds: '1767323045',
    long: '2020-01-02T03:04:06Z',
    text: 'x',
    items: [{ name: 'a', more: 1 }],
  })
  const { patterns, times } = filledIn(manifest, canonical, { shape, now })
  assert.deepEqual(times.map(formatPath), ['spec.at', 'spec.seconds'])
  assert.equal(patterns.size, 5)
  const other = object({ given: '2026-01-02T03:04:05Z', items: [{ name: 'b' }] })
  const otherCanonical = object({ given: '2026-01-02T03:04:05Z', items: [{ name: 'b', more: 1 }] })
  assert.ok(filledIn(other, otherCanonical, { shape, now }).patterns.isSubsetOf(patterns))
})
