import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Json } from '../model/json.ts'
import type { Shape } from '../model/path.ts'
import { declaredFields } from './declared-fields.ts'
import { FieldSet } from './field-set.ts'

const declared = (fields: Json, manifest: Json, shape?: Shape) => {
  const result = declaredFields(FieldSet.parse(fields), manifest, shape)
  return { fields: result.fields.toJson(), uncertain: result.uncertain }
}

it('keep the leaves that the manifest declares, drop the rest', () => {
  const fields = { 'f:spec': { 'f:replicas': {}, 'f:paused': {} }, 'f:data': { '.': {}, 'f:a': {} } }
  assert.deepEqual(declared(fields, { spec: { replicas: 2 }, data: { a: '1', b: '2' } }), {
    fields: { 'f:spec': { 'f:replicas': {} }, 'f:data': { 'f:a': {} } },
    uncertain: false,
  })
})

it('keep items of keyed lists and sets as places of their own, but not the list', () => {
  const fields = {
    'f:ports': { '.': {}, 'k:{"port":53,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} } },
    'f:finalizers': { '.': {}, 'v:"a"': {}, 'v:"b"': {} },
  }
  assert.deepEqual(declared(fields, { ports: [{ port: 53 }], finalizers: ['a'] }).fields, {
    'f:ports': { 'k:{"port":53,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
    'f:finalizers': { 'v:"a"': {} },
  })
})

it('choose the item that names more of the keys', () => {
  const fields = { 'f:ports': { 'k:{"port":53,"protocol":"UDP"}': { '.': {}, 'f:name': {} } } }
  const manifest = { ports: [{ port: 53 }, { port: 53, protocol: 'UDP', name: 'u' }] }
  assert.deepEqual(declared(fields, manifest).fields, fields)
})

it('keep an atomic list or map, and an empty object, as a leaf', () => {
  const fields = { 'f:args': {}, 'f:selector': {}, 'f:emptyDir': {} }
  assert.deepEqual(declared(fields, { args: ['a'], selector: { a: 'b' }, emptyDir: {} }).fields, fields)
})

it('ask the schema whether an object is a place of its own', () => {
  const fields = { 'f:parts': { 'f:left': { '.': {}, 'f:colour': {} } } }
  const manifest = { parts: { left: { colour: 'red' } } }
  const named: Shape = { fields: { parts: { fields: { left: {} } } } }
  const free: Shape = { fields: { parts: { items: {} } } }
  assert.deepEqual(declared(fields, manifest, free), { fields, uncertain: false })
  assert.deepEqual(declared(fields, manifest, named), {
    fields: { 'f:parts': { 'f:left': { 'f:colour': {} } } },
    uncertain: false,
  })
  assert.equal(declared(fields, manifest).uncertain, true)
})

it('drop what the manifest gives another type', () => {
  assert.deepEqual(
    declared({ 'f:a': { 'f:b': {} }, 'f:c': { 'k:{"x":1}': {} } }, { a: 'text', c: {} }).fields,
    {},
  )
})
