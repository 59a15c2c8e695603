import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange, Path, Shape } from '../model/path.ts'
import { compare } from '../drift/compare.ts'
import { equalJson } from '../object/json.ts'
import { wanted } from './wanted.ts'

const object = (body: JsonObject, metadata: JsonObject = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name: 'x', ...metadata },
  ...body,
})
const at = (...paths: Path[]): FieldChange[] => paths.map((path) => ({ path, op: 'replace' }))
const take = (canonical: KubeObject, live: KubeObject, changes: FieldChange[]) =>
  wanted({ object: canonical, generated: [] }, live, { changes, covered: [] })
const spec = (from: Json, to: Json, ...paths: Path[]): Json =>
  take(object({ spec: from }), object({ spec: to }), at(...paths.map((path) => ['spec', ...path])))['spec']!
const named = (name: string, index = 0) => ({ keys: { name }, index })

it('restore a changed, a removed and an added field, and leave the rest', () => {
  const live = { a: 2, c: 3, allocated: '10.0.0.1' }
  assert.deepEqual(spec({ a: 1, b: 2 }, live, ['a'], ['b'], ['c']), { a: 1, b: 2, allocated: '10.0.0.1' })
})

it('keep the resourceVersion and status, leave managedFields out, change neither argument', () => {
  const canonical = object({ data: { a: '1' } })
  const live = object({ data: { a: '2' }, status: { x: 1 } }, { resourceVersion: '7', managedFields: [{}] })
  const before = structuredClone(live)
  const result = take(canonical, live, at(['data', 'a']))
  assert.deepEqual(result, object({ data: { a: '1' }, status: { x: 1 } }, { resourceVersion: '7' }))
  assert.deepEqual(live, before)
  ;(result['data'] as JsonObject)['a'] = 'x'
  assert.deepEqual(canonical, object({ data: { a: '1' } }))
})

it('put items of a keyed list back in Git’s order, between what stays', () => {
  const git = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
  const live = [{ name: 'injected' }, { name: 'a' }, { name: 'c', x: 1 }, { name: 'evil' }]
  const paths: Path[] = [
    ['l', named('b', 1)],
    ['l', named('c', 2), 'x'],
    ['l', named('evil', 3)],
  ]
  assert.deepEqual(spec({ l: git }, { l: live }, ...paths), {
    l: [{ name: 'injected' }, { name: 'a' }, { name: 'b' }, { name: 'c' }],
  })
})

it('put the first item back first', () => {
  assert.deepEqual(spec({ l: [{ name: 'a' }, { name: 'b' }] }, { l: [{ name: 'b' }] }, ['l', named('a')]), {
    l: [{ name: 'a' }, { name: 'b' }],
  })
})

it('restore items of a set', () => {
  const live = { finalizers: ['z', 'evil'] }
  const paths: Path[] = [
    ['finalizers', { value: 'evil', index: 1 }],
    ['finalizers', { value: 'a', index: 0 }],
  ]
  assert.deepEqual(spec({ finalizers: ['a', 'z'] }, live, ...paths), { finalizers: ['a', 'z'] })
})

it('restore a list whose order counts as a whole, however many of its items differ', () => {
  const paths: Path[] = [
    ['args', 0],
    ['args', 1],
    ['args', 2],
  ]
  assert.deepEqual(spec({ args: ['a', 'b'] }, { args: ['b', 'a', 'c'] }, ...paths), { args: ['a', 'b'] })
  assert.deepEqual(
    spec({ rules: [{ verbs: ['get'] }] }, { rules: [{ verbs: ['*'] }] }, ['rules', 0, 'verbs', 0]),
    {
      rules: [{ verbs: ['get'] }],
    },
  )
})

it('tell items by all of their keys', () => {
  const git = [
    { port: 53, protocol: 'TCP', name: 't' },
    { port: 53, protocol: 'UDP', name: 'u' },
  ]
  const live = [
    { port: 53, protocol: 'TCP', name: 't' },
    { port: 53, protocol: 'UDP', name: 'x' },
  ]
  const path: Path = ['ports', { keys: { port: 53, protocol: 'UDP' }, index: 1 }, 'name']
  assert.deepEqual(spec({ ports: git }, { ports: live }, path), { ports: git })
})

it('restore everything above a field that is gone with its parents', () => {
  assert.deepEqual(spec({ a: { b: { c: 1 } } }, {}, ['a', 'b', 'c']), { a: { b: { c: 1 } } })
})

it('remove a map that only held what was added, where Git has none', () => {
  assert.deepEqual(spec({}, { sel: { a: '1' } }, ['sel', 'a']), {})
  assert.deepEqual(spec({ sel: {} }, { sel: { a: '1' } }, ['sel', 'a']), { sel: {} })
  assert.deepEqual(spec({}, { l: [{ name: 'a' }] }, ['l', named('a')]), {})
})

it('keep what an allowance covers beside an addition, where Git has neither', () => {
  assert.deepEqual(spec({}, { sel: { mine: '1', evil: '2' } }, ['sel', 'evil']), { sel: { mine: '1' } })
})

it('restore a value of another type', () => {
  assert.deepEqual(spec({ a: ['x'] }, { a: 'x' }, ['a']), { a: ['x'] })
})

it('treat __proto__ as a plain key', () => {
  const git = JSON.parse('{"data":{"__proto__":"1"}}') as JsonObject
  const live = JSON.parse('{"data":{"__proto__":"2","constructor":"3"}}') as JsonObject
  const result = take(object(git), object(live), at(['data', '__proto__'], ['data', 'constructor']))
  assert.equal(JSON.stringify(result['data']), '{"__proto__":"1"}')
  assert.equal(({} as { [key: string]: unknown })['1'], undefined)
})

it('keep integers that a double would round', () => {
  assert.deepEqual(spec({ a: 9007199254740993n }, { a: 1 }, ['a']), { a: 9007199254740993n })
})

it('keep what the server allocated inside an item that comes back whole, and what is covered', () => {
  const port = (more: JsonObject): JsonObject => ({ port: 80, name: 'http', ...more })
  const keys = { keys: { port: 80 }, index: 0 }
  const canonical = {
    object: object({ ports: [port({ nodePort: 1 })] }),
    generated: [['ports', keys, 'nodePort']],
  }
  const lost = wanted(canonical, object({}), {
    changes: [{ path: ['ports', keys], op: 'remove' }],
    covered: [],
  })
  assert.deepEqual(lost, object({ ports: [port({})] }))
  const order: FieldChange[] = [{ path: ['ports'], op: 'replace' }]
  const live = object({ ports: [port({ nodePort: 7, operator: 'x' })] })
  const change: FieldChange = { path: ['ports', keys, 'operator'], op: 'add', after: 'x' }
  assert.deepEqual(wanted(canonical, live, { changes: order, covered: [{ change }] }), live)
})

it('become Git’s again, for any two objects, and nothing else than what differs is touched', () => {
  const shape: Shape = {
    fields: {
      keyed: {
        list: { keys: ['name'] },
        items: { fields: { ports: { list: { keys: ['port', 'protocol'] } } } },
      },
      set: { list: 'set' },
      env: { list: { keys: ['name'] } },
      args: { list: 'atomic' },
    },
  }
  const scalar = fc.constantFrom<Json>('a', 'b', 1, true, null, '$(a)', 2n ** 60n)
  const map = fc.dictionary(fc.constantFrom('x', 'y', '__proto__', 'a/b'), scalar, { maxKeys: 3 })
  const unique = <T extends JsonObject>(of: fc.Arbitrary<T>, ...keys: string[]) =>
    fc.uniqueArray(of, { maxLength: 4, selector: (item) => keys.map((key) => String(item[key])).join() })
  const ports = unique(
    fc.record({ port: fc.constantFrom(1, 2), protocol: fc.constantFrom('TCP', 'UDP'), x: scalar }),
    'port',
    'protocol',
  )
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const some = fc.record(
    {
      plain: scalar,
      map,
      deep: fc.record({ map, list: fc.array(scalar, { maxLength: 3 }) }, { requiredKeys: [] }),
      keyed: unique(fc.record({ name, value: scalar, ports, map }, { requiredKeys: ['name'] }), 'name'),
      env: unique(fc.record({ name, value: scalar }), 'name'),
      // Some servers take a member twice.
      set: fc.array(fc.constantFrom('p', 'q', 'r'), { maxLength: 3 }),
      args: fc.array(fc.oneof(scalar, map), { maxLength: 4 }),
      loose: fc.array(fc.record({ name, value: scalar }), { maxLength: 3 }),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>
  fc.assert(
    fc.property(some, some, (from, to) => {
      const canonical = { object: object(from), generated: [], unattainable: [], method: 'probe' as const }
      const options = { shape, allowances: [], manifest: canonical.object }
      const differences = compare(canonical, object(to), options)
      const result = wanted(canonical, object(to), differences)
      assert.deepEqual(compare(canonical, result, options).changes, [])
      if (differences.changes.length === 0) assert.ok(equalJson(result, object(to)))
    }),
    { numRuns: 3_000 },
  )
})
