import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Json, JsonObject } from '../model/json.ts'
import { ShapeCompiler } from './shape-compiler.ts'

const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })
const all = (name: string): JsonObject => ({ default: {}, allOf: [ref(name)] })
const kind = (name: string): JsonObject => ({
  'x-kubernetes-group-version-kind': [{ group: 'g', version: 'v1', kind: name }],
})

function shapeOf(schemas: JsonObject, name = 'Thing') {
  return new ShapeCompiler({ components: { schemas } } as Json).kinds('g', 'v1').get(name)
}

it('compile keyed lists, sets, merge keys and quantities, through references', () => {
  const shape = shapeOf({
    Thing: {
      ...kind('Thing'),
      properties: {
        plain: { type: 'string' },
        items: {
          type: 'array',
          items: all('Item'),
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
        },
        merged: {
          type: 'array',
          items: { type: 'object' },
          'x-kubernetes-patch-merge-key': 'ip',
          'x-kubernetes-patch-strategy': 'merge',
        },
        names: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
        limits: {
          type: 'object',
          additionalProperties: ref('io.k8s.apimachinery.pkg.api.resource.Quantity'),
        },
        __proto__: undefined,
      } as unknown as JsonObject,
    },
    Item: { properties: { size: { 'x-kubernetes-int-or-string': true, pattern: '^([0-9]+)([KMGTPE]i)?$' } } },
  })
  assert.deepEqual(shape, {
    fields: {
      items: { list: { keys: ['port', 'protocol'] }, items: { fields: { size: { quantity: true } } } },
      merged: { list: { keys: ['ip'] } },
      names: { list: 'set' },
      limits: { items: { quantity: true } },
    },
  })
})

it('follow a schema into itself', () => {
  const properties = { type: 'object', additionalProperties: ref('Thing') }
  const tags = { type: 'array', 'x-kubernetes-list-type': 'set' }
  const shape = shapeOf({ Thing: { ...kind('Thing'), properties: { properties, tags } } })
  assert.equal(shape?.fields?.['properties']?.items, shape)
  assert.equal(shape?.fields?.['tags']?.list, 'set')
})

it('know a kind without anything to say, and leave out those that belong to every group', () => {
  const compiler = new ShapeCompiler({
    components: {
      schemas: {
        Free: { ...kind('Free'), 'x-kubernetes-preserve-unknown-fields': true },
        Options: {
          'x-kubernetes-group-version-kind': [
            { group: 'g', version: 'v1', kind: 'Options' },
            { group: 'h', version: 'v1', kind: 'Options' },
          ],
        },
      },
    },
  } as Json)
  assert.deepEqual([...compiler.kinds('g', 'v1')], [['Free', {}]])
})

it('make nothing of a document that is none', () => {
  for (const document of [null, 'x', {}, { components: { schemas: [] } }] as Json[])
    assert.equal(new ShapeCompiler(document).kinds('g', 'v1').size, 0)
})
