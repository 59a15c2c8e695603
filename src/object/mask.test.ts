import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { difference } from './difference.ts'
import { parseJson, stringifyJson } from './json.ts'
import { MASK, maskChanges, maskObject } from './mask.ts'
import type { KubeObject } from '../model/json.ts'

const ref = { group: '', kind: 'Secret', namespace: 'shop', name: 'token' }
const secret = (fields: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'token' },
  ...fields,
})

test('mask the values of a Secret and leave what tells what they are', () => {
  const masked = maskObject(
    secret({
      type: 'Opaque',
      data: { password: 'aHVudGVyMg==' },
      stringData: { other: 'hunter2' },
      metadata: {
        name: 'token',
        labels: { app: 'web' },
        annotations: {
          note: 'plain',
          'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"password":"aHVudGVyMg=="}}',
          'kapp.k14s.io/original': '{"stringData":{"other":"hunter2"}}',
        },
      },
    }),
  )
  assert.deepEqual(masked, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    data: { password: MASK },
    stringData: { other: MASK },
    metadata: {
      name: 'token',
      labels: { app: 'web' },
      annotations: {
        note: 'plain',
        'kubectl.kubernetes.io/last-applied-configuration': MASK,
        'kapp.k14s.io/original': MASK,
      },
    },
  })
})

test('no value of a Secret is in its masked changes, whatever was done to it', () => {
  const value = fc
    .string({ unit: fc.constantFrom('Q', 'Z'), minLength: 6, maxLength: 9 })
    .map((text) => `sEcReT${text}`)
  const data = fc.oneof(
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), value),
    fc.array(value),
    value,
    fc.dictionary(fc.constantFrom('a'), fc.array(fc.record({ name: value }))),
  )
  const state = fc.option(
    fc.record({
      data,
      stringData: data,
      applied: value.map((text) => `{"apiVersion":"v1","data":{"a":"${text}"}}`),
    }),
    { nil: undefined },
  )
  const make = (fields: { data: unknown; stringData: unknown; applied: string } | undefined) =>
    fields &&
    secret({
      data: parseJson(JSON.stringify(fields.data)),
      stringData: parseJson(JSON.stringify(fields.stringData)),
      metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': fields.applied } },
    })
  fc.assert(
    fc.property(state, state, fc.boolean(), (before, after, sets) => {
      const shape = sets
        ? { fields: { data: { list: 'set' as const, items: { list: { keys: ['name'] } } } } }
        : undefined
      const changes = difference(make(before), make(after), shape)
      assert.doesNotMatch(stringifyJson(maskChanges(ref, changes) as never), /sEcReT/)
      assert.equal(maskChanges(ref, changes).length, changes.length)
    }),
  )
})

test('masked values look the same however long they are', () => {
  const changes = difference(secret({ data: { a: 'x', b: 'y' } }), secret({ data: { a: 'xxxxxxxx', c: '' } }))
  const masked = maskChanges(ref, changes)
  for (const { before, after } of masked) {
    assert.ok([undefined, MASK].includes(before as string) && [undefined, MASK].includes(after as string))
  }
})

test('other kinds stay as they are', () => {
  const object = { apiVersion: 'secrets.example/v1', kind: 'Secret', metadata: {}, data: { a: 'b' } }
  assert.deepEqual(maskObject(object), object)
  const changes = difference(object, { ...object, data: { a: 'c' } })
  assert.deepEqual(maskChanges({ ...ref, group: 'secrets.example' }, changes), changes)
})
