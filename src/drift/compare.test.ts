import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Canonical } from '../model/desired.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import type { Path, Shape } from '../model/path.ts'
import type { Allowance } from '../model/policy.ts'
import { cloneJson } from '../object/json.ts'
import { formatPath } from '../object/path.ts'
import { compare, type CompareOptions, type Drift } from './compare.ts'

const byName = (fields: { [key: string]: Shape } = {}): Shape => ({
  list: { keys: ['name'] },
  items: { fields },
})
const shape: Shape = {
  fields: {
    metadata: { fields: { finalizers: { list: 'set' } } },
    spec: {
      fields: {
        containers: byName({ env: byName() }),
        ports: { list: { keys: ['port', 'protocol'] }, items: {} },
      },
    },
  },
}
const git: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
  spec: { replicas: 2, containers: [{ name: 'app', image: 'a:1' }], ports: [{ port: 80, protocol: 'TCP' }] },
}
const canonical = (object: KubeObject = git, generated: Path[] = []): Canonical => ({
  object,
  generated,
  unattainable: [],
  method: 'probe',
})
const allow = (fields: string[], more: Partial<Allowance> = {}): Allowance => ({
  name: fields.join(),
  reason: 'test',
  users: ['system:serviceaccount:ops:operator'],
  objects: {},
  fields,
  ...more,
})
const alice = { username: 'alice', groups: [], authenticated: true }

/** Live is Git's object with some of it done. */
function live(change: (object: { metadata: JsonObject; spec: JsonObject }) => unknown): KubeObject {
  const object = cloneJson(git)
  change(object as never)
  return object
}
const drift = (object: KubeObject, allowances: Allowance[] = [], more: Partial<CompareOptions> = {}): Drift =>
  compare(canonical(), object, { shape, allowances, manifest: git, ...more })
const told = ({ changes }: Drift) => changes.map(({ op, path }) => `${op} ${formatPath(path)}`)
const scaled = live(({ spec }) => (spec['replicas'] = 5))
const rogue = live(({ spec }) =>
  (spec['containers'] as JsonObject[]).push({ name: 'rogue', image: 'r', tty: true }),
)

test('no drift in what the server alone writes', () => {
  const object = live(({ metadata }) => {
    Object.assign(metadata, {
      uid: 'u',
      resourceVersion: '9',
      generation: 4,
      managedFields: [{}],
      creationTimestamp: 't',
    })
  })
  assert.deepEqual(drift({ ...object, status: { replicas: 2 } }), { changes: [], covered: [] })
})

test('drift is what live did to Git’s state', () => {
  assert.deepEqual(drift(scaled).changes, [
    { path: ['spec', 'replicas'], op: 'replace', before: 2, after: 5 },
  ])
  assert.deepEqual(told(drift(rogue)), ['add spec.containers[name=rogue]'])
  assert.deepEqual(told(drift(live(({ metadata }) => delete metadata['labels']))), [
    'remove metadata.labels.app',
  ])
  assert.deepEqual(told(drift(live(({ metadata }) => (metadata['finalizers'] = ['x.dev/y'])))), [
    'add metadata.finalizers[x.dev/y]',
  ])
})

test('no drift in what the server generates, and drift beside it', () => {
  const port = { keys: { port: 80, protocol: 'TCP' }, index: 3 }
  const generated: Path[] = [
    ['spec', 'clusterIP'],
    ['spec', 'ports', port, 'nodePort'],
  ]
  const object = live(({ spec }) => {
    spec['clusterIP'] = '10.0.0.7'
    Object.assign((spec['ports'] as JsonObject[])[0]!, { nodePort: 30001, name: 'rogue' })
  })
  const found = compare(canonical(git, generated), object, { shape, allowances: [], manifest: git })
  assert.deepEqual(told(found), ['add spec.ports[port=80,protocol=TCP].name'])
})

test('an allowance covers its field whoever wrote it, as long as nobody knows', () => {
  const found = drift(scaled, [allow(['/spec/replicas'])])
  assert.deepEqual(told(found), [])
  assert.deepEqual(
    found.covered.map(({ allowance }) => allowance),
    ['/spec/replicas'],
  )
  assert.deepEqual(told(drift(scaled, [allow(['/spec/paused'])])), ['replace spec.replicas'])
})

test('drift where an authenticated record names somebody whom the allowance does not', () => {
  const by = (username: string, authenticated: boolean, more: Partial<Allowance> = {}) =>
    told(
      drift(scaled, [allow(['/spec/replicas'], more)], {
        writerOf: () => ({ username, groups: ['people'], authenticated }),
      }),
    )
  assert.deepEqual(by('alice', true), ['replace spec.replicas'])
  assert.deepEqual(by('alice', false), [])
  assert.deepEqual(by('system:serviceaccount:ops:operator', true), [])
  assert.deepEqual(by('alice', true, { bookkeeping: true }), [])
  assert.deepEqual(by('alice', true, { users: [], groups: ['people'] }), [])
  assert.deepEqual(by('alice', true, { users: ['alice'], groups: ['operators'] }), ['replace spec.replicas'])
  assert.deepEqual(by('alice', true, { users: [] }), ['replace spec.replicas'])
})

test('the writer is asked for the place and the value that is there', () => {
  const asked: unknown[] = []
  drift(scaled, [allow(['/spec/replicas'])], {
    writerOf: (path, value) => (asked.push([path, value]), undefined),
  })
  assert.deepEqual(asked, [[['spec', 'replicas'], 5]])
})

test('an allowance to add lets nobody replace or remove', () => {
  const adds = [allow(['/metadata/labels'], { ops: ['add'] })]
  const labels = (value: JsonObject) =>
    drift(
      live(({ metadata }) => (metadata['labels'] = value)),
      adds,
    )
  assert.deepEqual(told(labels({ app: 'web', more: 'x' })), [])
  assert.deepEqual(told(labels({ app: 'other' })), ['replace metadata.labels.app'])
  assert.deepEqual(told(labels({ more: 'x' })), ['remove metadata.labels.app'])
})

test('an allowance for what Git leaves out does not cover what Git declares', () => {
  const only = [allow(['/spec/ports/*/nodePort', '/spec/replicas'], { unlessDeclared: true })]
  const manifest: KubeObject = { ...git, spec: { ports: [{ port: 80, nodePort: 30080 }] } }
  const object = live(({ spec }) => {
    spec['replicas'] = 5
    ;(spec['ports'] as JsonObject[])[0]!['nodePort'] = 31000
  })
  assert.deepEqual(told(drift(object, only, { manifest })), ['add spec.ports[port=80,protocol=TCP].nodePort'])
})

test('a whole item is drift unless all of it is allowed', () => {
  const fields = (...names: string[]) => [allow(names.map((name) => `/spec/containers/*/${name}`))]
  assert.deepEqual(told(drift(rogue, fields('image'))), ['add spec.containers[name=rogue]'])
  assert.deepEqual(told(drift(rogue, fields('image', 'name', 'tty'))), [])
  assert.deepEqual(told(drift(rogue, [...fields('image', 'tty'), ...fields('name')])), [])
  assert.deepEqual(told(drift(rogue, [allow(['/spec/containers/[name=rogue]'])])), [])
  assert.deepEqual(told(drift(rogue, [allow(['/spec/containers/[name=other]'])])), [
    'add spec.containers[name=rogue]',
  ])
})

test('declared fields alone, where the API server cannot be asked', () => {
  const manifest: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', labels: { app: 'web' }, annotations: {} },
    spec: { ports: [{ port: 80 }], selector: null, strategy: { a: {} } },
  }
  const stored = (port: JsonObject, labels: JsonObject = { app: 'web' }): KubeObject => ({
    ...manifest,
    metadata: { name: 'web', labels },
    spec: { ports: [{ port: 80, protocol: 'TCP', ...port }], type: 'ClusterIP' },
  })
  const compared = (object: KubeObject) =>
    told(compare({ ...canonical(manifest), method: 'declared' }, object, { shape, allowances: [], manifest }))
  assert.deepEqual(compared(stored({ targetPort: 80 })), [])
  assert.deepEqual(compared(stored({}, { app: 'evil', more: 'x' })), ['replace metadata.labels.app'])
  assert.deepEqual(compared(stored({ port: 81 })), ['remove spec.ports[port=80,protocol=null]'])
})

test('a Secret of texts is compared with the data that the server makes of them', () => {
  const secret = (fields: JsonObject): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {},
    ...fields,
  })
  const manifest = secret({ data: { a: 'eA==', b: 'eA==' }, stringData: { b: 'grün' } })
  const compared = (data: JsonObject) =>
    told(
      compare({ ...canonical(manifest), method: 'declared' }, secret({ data }), { allowances: [], manifest }),
    )
  assert.deepEqual(compared({ a: 'eA==', b: Buffer.from('grün').toString('base64') }), [])
  assert.deepEqual(compared({ a: 'eA==', b: 'eA==' }), ['replace data.b'])
})

test('each difference is either drift or covered, and more allowances never make more drift', () => {
  const pattern = fc.constantFrom(
    '/spec',
    '/spec/replicas',
    '/metadata/labels/*',
    '/spec/containers/*/image',
    '/spec/containers/[name=a]',
    '/metadata/finalizers/x',
  )
  const allowance = fc.record({
    fields: fc.array(pattern, { minLength: 1, maxLength: 2 }),
    bookkeeping: fc.boolean(),
    known: fc.boolean(),
  })
  const state = fc.record({
    replicas: fc.nat(2),
    labels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'), { noNullPrototype: true }),
    finalizers: fc.subarray(['x', 'y']),
    containers: fc.uniqueArray(
      fc.record({ name: fc.constantFrom('a', 'b'), image: fc.constantFrom('1', '2') }),
      {
        selector: ({ name }) => name,
      },
    ),
  })
  const object = ({
    replicas,
    labels,
    finalizers,
    containers,
  }: typeof state extends fc.Arbitrary<infer T> ? T : never) =>
    ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { labels, finalizers },
      spec: { replicas, containers },
    }) as KubeObject
  fc.assert(
    fc.property(
      state,
      state,
      fc.array(allowance, { maxLength: 3 }),
      allowance,
      (before, after, some, one) => {
        const run = (allowed: (typeof one)[]) =>
          compare(canonical(object(before)), object(after), {
            shape,
            manifest: object(before),
            allowances: allowed.map(({ fields, bookkeeping, known }) =>
              allow(fields, { bookkeeping, users: known ? ['alice'] : ['bob'] }),
            ),
            writerOf: () => alice,
          })
        const all = told(run([]))
        const few = run(some)
        assert.equal(few.changes.length + few.covered.length, all.length)
        const more = told(run([...some, one]))
        assert.ok(more.every((change) => told(few).includes(change)))
      },
    ),
  )
})
