import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '../model/json.ts'
import type { FieldChange, Path, Segment, Shape } from '../model/path.ts'
import { difference } from './difference.ts'
import { cloneJson, isObject } from './json.ts'
import { formatPath, formatPointer } from './path.ts'

const byName = (fields: { [key: string]: Shape }): Shape => ({ list: { keys: ['name'] }, items: { fields } })
const quantities: Shape = { items: { quantity: true } }
const shape: Shape = {
  fields: {
    spec: {
      fields: {
        containers: byName({
          args: { list: 'atomic' },
          env: byName({}),
          resources: { fields: { limits: quantities, requests: quantities } },
          ports: { list: { keys: ['containerPort', 'protocol'] }, items: {} },
        }),
        initContainers: byName({}),
        tolerations: { list: 'atomic' },
        accessModes: { list: 'set' },
      },
    },
  },
}

const told = (changes: FieldChange[]) => changes.map(({ op, path }) => `${op} ${formatPath(path)}`)
const inSpec = (before: Json | undefined, after: Json | undefined) =>
  difference(
    { spec: { ...(before === undefined ? {} : { x: before }) } },
    { spec: { ...(after === undefined ? {} : { x: after }) } },
  )
const spec = (fields: JsonObject): JsonObject => ({ spec: fields })

test('one change for each field that differs', () => {
  const before = spec({ replicas: 1, containers: [{ name: 'app', image: 'a:1' }] })
  const after = spec({ replicas: 2, containers: [{ name: 'app', image: 'a:2' }] })
  assert.deepEqual(difference(before, after, shape), [
    { path: ['spec', 'replicas'], op: 'replace', before: 1, after: 2 },
    {
      path: ['spec', 'containers', { keys: { name: 'app' }, index: 0 }, 'image'],
      op: 'replace',
      before: 'a:1',
      after: 'a:2',
    },
  ])
})

test('a map that was not there is told by its entries', () => {
  assert.deepEqual(told(inSpec(undefined, { rogue: 'x' })), ['add spec.x.rogue'])
  assert.deepEqual(told(inSpec({ rogue: 'x' }, undefined)), ['remove spec.x.rogue'])
  assert.deepEqual(told(inSpec({ rogue: 'x' }, {})), ['remove spec.x.rogue'])
})

test('an empty object or list that comes or goes is a change', () => {
  for (const empty of [{}, []]) {
    assert.deepEqual(told(inSpec(undefined, empty)), ['add spec.x'])
    assert.deepEqual(told(inSpec(empty, undefined)), ['remove spec.x'])
  }
  assert.deepEqual(told(inSpec({}, [])), ['replace spec.x'])
  assert.deepEqual(told(inSpec({ a: {} }, { a: null })), ['replace spec.x.a'])
})

test('a list whose order counts comes and goes as one value', () => {
  assert.deepEqual(told(inSpec(undefined, ['a', 'b'])), ['add spec.x'])
  assert.deepEqual(told(inSpec(['a', 'b'], undefined)), ['remove spec.x'])
  assert.deepEqual(told(inSpec(['a', 'b'], ['b', 'a'])), ['replace spec.x[0]', 'replace spec.x[1]'])
  assert.deepEqual(told(inSpec(['a', 'b'], ['a', 'x', 'b'])), ['add spec.x[1]'])
  assert.deepEqual(told(inSpec(['a', 'x', 'b'], ['a', 'b'])), ['remove spec.x[1]'])
  assert.deepEqual(told(inSpec(['a', 'b', 'c'], ['b', 'a'])), ['replace spec.x'])
})

test('an item of a keyed list is told as a whole, by its keys', () => {
  const app = { name: 'app', image: 'a' }
  const rogue = { name: 'rogue', image: 'r' }
  const [added, ...none] = difference(spec({ containers: [app] }), spec({ containers: [rogue, app] }), shape)
  assert.deepEqual(added, {
    path: ['spec', 'containers', { keys: { name: 'rogue' }, index: 0 }],
    op: 'add',
    after: rogue,
  })
  assert.deepEqual(none, [])
  assert.deepEqual(told(difference(spec({}), spec({ containers: [app] }), shape)), [
    'add spec.containers[name=app]',
  ])
})

test('a port is told by all its keys', () => {
  const ports = (...protocols: string[]) =>
    spec({
      containers: [{ name: 'dns', ports: protocols.map((protocol) => ({ containerPort: 53, protocol })) }],
    })
  assert.deepEqual(told(difference(ports('TCP', 'UDP'), ports('TCP'), shape)), [
    'remove spec.containers[name=dns].ports[containerPort=53,protocol=UDP]',
  ])
  assert.deepEqual(told(difference(ports('TCP', 'UDP'), ports('UDP', 'TCP'), shape)), [])
})

test('items that share their keys are told apart by their order', () => {
  const env = (...values: string[]) =>
    spec({ containers: [{ name: 'a', env: values.map((value) => ({ name: 'X', value })) }] })
  assert.deepEqual(told(difference(env('1', '2'), env('1', '3'), shape)), [
    'replace spec.containers[name=a].env[1].value',
  ])
  assert.deepEqual(told(difference(env('1'), env('1', '2'), shape)), ['add spec.containers[name=a].env[1]'])
  assert.deepEqual(told(difference(env('1', '2'), env('1'), shape)), [
    'remove spec.containers[name=a].env[1]',
  ])
  const nothing = spec({ containers: [{ name: 'a' }] })
  assert.deepEqual(told(difference(nothing, env('1', '2'), shape)), ['add spec.containers[name=a].env'])
})

test('the order of a keyed list counts only where it means something', () => {
  const list = (field: string, ...items: JsonObject[]) =>
    field === 'env' ? spec({ containers: [{ name: 'a', env: items }] }) : spec({ [field]: items })
  const turned = (field: string, a: JsonObject, b: JsonObject) =>
    told(difference(list(field, a, b), list(field, b, a), shape))
  const [a, b] = [
    { name: 'a', value: '1' },
    { name: 'b', value: '2' },
  ]
  assert.deepEqual(turned('env', a, b), [])
  assert.deepEqual(turned('env', a, { name: 'b', value: 'x$(a)' }), ['replace spec.containers[name=a].env'])
  assert.deepEqual(turned('env', a, { name: 'b', value: '$$(a) $(elsewhere)' }), [])
  assert.deepEqual(turned('containers', a, b), [])
  assert.deepEqual(turned('containers', { ...a, lifecycle: { postStart: {} } }, b), [
    'replace spec.containers',
  ])
  assert.deepEqual(turned('initContainers', a, b), ['replace spec.initContainers'])
})

test('a new init container in between changes no order', () => {
  const init = (...names: string[]) => spec({ initContainers: names.map((name) => ({ name })) })
  assert.deepEqual(told(difference(init('a', 'b'), init('a', 'x', 'b'), shape)), [
    'add spec.initContainers[name=x]',
  ])
})

test("an autoscaler's metrics in another order are no change, and one that differs is told alone", () => {
  const metric = (name: string, value: number) => ({ type: 'Resource', resource: { name, value } })
  const hpa = (...metrics: JsonObject[]) => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {},
    spec: { metrics },
  })
  assert.deepEqual(
    difference(hpa(metric('cpu', 1), metric('memory', 2)), hpa(metric('memory', 2), metric('cpu', 1))),
    [],
  )
  assert.deepEqual(
    told(difference(hpa(metric('cpu', 1), metric('memory', 2)), hpa(metric('memory', 2), metric('cpu', 9)))),
    ['replace spec.metrics[0].resource.value'],
  )
})

test('metadata has its lists also where the schema of a kind is unknown', () => {
  const object = (finalizers: string[], owners: JsonObject[]) => ({
    apiVersion: 'x.dev/v1',
    kind: 'Thing',
    metadata: { finalizers, ownerReferences: owners },
  })
  const changes = difference(
    object(['a', 'b'], [{ uid: '1' }]),
    object(['b', 'c', 'a'], [{ uid: '2' }, { uid: '1' }]),
  )
  assert.deepEqual(told(changes), ['add metadata.finalizers[c]', 'add metadata.ownerReferences[uid=2]'])
})

test('quantities are the same by value where the schema has quantities, and nowhere else', () => {
  const limits = (cpu: Json) => spec({ containers: [{ name: 'a', resources: { limits: { cpu } } }] })
  assert.deepEqual(difference(limits('1000m'), limits(1), shape), [])
  assert.equal(difference(limits('1000m'), limits('1001m'), shape).length, 1)
  assert.equal(difference(limits('1000m'), limits(1)).length, 1)
})

test('what JavaScript treats apart is a key as any other', () => {
  const rogue = JSON.parse('{"labels":{"__proto__":"x","constructor":"y"}}') as JsonObject
  assert.deepEqual(told(difference({ labels: {} }, rogue)), [
    'add labels.__proto__',
    'add labels.constructor',
  ])
  assert.deepEqual(told(difference(rogue, { labels: {} })), [
    'remove labels.__proto__',
    'remove labels.constructor',
  ])
})

// --- properties ---

const name = fc.constantFrom('a', 'b', 'c', 'app.kubernetes.io/x', 'd~e', '__proto__')
const word = fc.string({ maxLength: 4 })
const map = (value: fc.Arbitrary<Json>) => fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true })
const named = (fields: { [key: string]: fc.Arbitrary<Json> }) =>
  fc.uniqueArray(fc.record({ name, ...fields }, { requiredKeys: ['name'] }), {
    selector: (item) => item.name,
    maxLength: 3,
  }) as fc.Arbitrary<Json>
const port = fc.record({
  containerPort: fc.integer({ min: 1, max: 3 }),
  protocol: fc.constantFrom('TCP', 'UDP'),
  name: word,
})
const object = fc.record({
  apiVersion: fc.constant('v1'),
  kind: fc.constant('Thing'),
  metadata: fc.record(
    { labels: map(word), finalizers: fc.uniqueArray(word, { maxLength: 3 }) },
    { requiredKeys: [] },
  ),
  spec: fc.record(
    {
      replicas: fc.integer(),
      suspend: fc.boolean(),
      containers: named({
        image: word,
        args: fc.array(word, { maxLength: 3 }),
        env: named({ value: word }),
        resources: fc.record({ limits: map(fc.constantFrom('1', '100m', '2Gi')) }),
        ports: fc.uniqueArray(port, { selector: (item) => `${item.containerPort}${item.protocol}` }),
      }),
      tolerations: fc.array(fc.record({ key: word, operator: word }), { maxLength: 3 }),
      unknown: fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as Json),
    },
    { requiredKeys: [] },
  ),
}) as fc.Arbitrary<Json>

/** All scalars of a value that are neither keys of an item nor items of a set, with the path that names each. */
function leaves(value: Json, at: Shape | undefined, path: Path = []): Path[] {
  if (Array.isArray(value)) {
    const list = at?.list
    if (list === 'set' || path.at(-1) === 'finalizers') return []
    return value.flatMap((item, index) => {
      const keys = typeof list === 'object' && isObject(item) ? list.keys : undefined
      if (keys === undefined) return leaves(item, at?.items, [...path, index])
      const segment: Segment = {
        keys: Object.fromEntries(keys.map((key) => [key, (item as JsonObject)[key]!])),
        index,
      }
      return leaves(item, at?.items, [...path, segment]).filter(
        (leaf) => !keys.includes(String(leaf[path.length + 1])),
      )
    })
  }
  if (!isObject(value)) return [path]
  return Object.keys(value).flatMap((key) =>
    leaves(value[key]!, at?.fields?.[key] ?? at?.items, [...path, key]),
  )
}

/** Sets a place by the indexes alone. */
function put(root: Json, path: Path, value: Json): void {
  const steps = path.map((segment) => (typeof segment === 'object' ? segment.index : segment))
  let parent = root as { [key: string | number]: Json }
  for (const step of steps.slice(0, -1)) {
    parent = Object.getOwnPropertyDescriptor(parent, step)!.value as typeof parent
  }
  Object.defineProperty(parent, steps.at(-1)!, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

test('nothing differs from itself', () => {
  fc.assert(fc.property(object, (value) => assert.deepEqual(difference(value, cloneJson(value), shape), [])))
})

test('one field changed at random is told as exactly that field', () => {
  fc.assert(
    fc.property(object, fc.nat(), (before, choice) => {
      const all = leaves(before, shape).filter((path) => path[0] === 'metadata' || path[0] === 'spec')
      fc.pre(all.length > 0)
      const path = all[choice % all.length]!
      const after = cloneJson(before)
      put(after, path, '7777777')
      const changes = difference(before, after, shape)
      assert.deepEqual(
        changes.map((change) => formatPointer(change.path)),
        [formatPointer(path)],
      )
      assert.deepEqual(changes[0]!.path, path)
      assert.equal(changes[0]!.after, '7777777')
    }),
    { numRuns: 500 },
  )
})

test('a keyed list in another order is no change', () => {
  const shuffled = (value: Json, at: Shape | undefined, seed: number): Json => {
    if (Array.isArray(value)) {
      const items = value.map((item) => shuffled(item, at?.items, seed))
      if (typeof at?.list !== 'object') return items
      return items.map((_, index) => items[(index + seed) % items.length]!)
    }
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => [
        key,
        shuffled(field, at?.fields?.[key] ?? at?.items, seed),
      ]),
    )
  }
  fc.assert(
    fc.property(object, fc.integer({ min: 1, max: 3 }), (before, seed) => {
      assert.deepEqual(difference(before, shuffled(before, shape, seed), shape), [])
    }),
  )
})

test('what one side added is what the other removed', () => {
  const turned = { add: 'remove', remove: 'add', replace: 'replace' }
  const text = (op: string, { path, before, after }: FieldChange, back: boolean) =>
    `${op} ${formatPath(path.filter((segment) => typeof segment !== 'object'))} ${JSON.stringify(back ? [after, before] : [before, after])}`
  fc.assert(
    fc.property(object, object, (a, b) => {
      const there = difference(a, b, shape).map((change) => text(change.op, change, false))
      const back = difference(b, a, shape).map((change) => text(turned[change.op], change, true))
      assert.deepEqual(there.toSorted(), back.toSorted())
    }),
  )
})
