/** The watcher never takes back what admission judged and let through (docs/architecture.md). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compare } from '../src/drift/compare.ts'
import type { Actor } from '../src/model/actor.ts'
import type { Canonical } from '../src/model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../src/model/json.ts'
import type { Shape } from '../src/model/path.ts'
import type { Allowance, Declared, Policy } from '../src/model/policy.ts'
import { difference } from '../src/object/difference.ts'
import { cloneJson, equalJson, fieldOf, isObject } from '../src/object/json.ts'
import { pathKey } from '../src/object/path.ts'
import { refOf } from '../src/object/identity.ts'
import { judge } from '../src/policy/judge.ts'
import { watcherAllowances } from '../src/policy/watcher-allowances.ts'
import { account, change, object, person, policyOf, system } from '../src/policy/testing.ts'
import { Ledger } from '../src/reconcile/ledger.ts'

const shape: Shape = {
  fields: {
    metadata: { fields: { finalizers: { list: 'set' } } },
    spec: {
      fields: {
        cpu: { quantity: true },
        items: {
          list: { keys: ['name'] },
          items: { fields: { args: { list: 'atomic' }, parts: { list: { keys: ['port', 'protocol'] } } } },
        },
        list: { list: 'atomic' },
      },
    },
  },
}

/** Small, so that edits meet: the same few keys and values on both sides. */
const scalar = fc.constantFrom<Json>('a', 'b', 1, 2, true, '1', '1000m', '')
const names = fc.constantFrom('a', 'b', 'example.com/x', '__proto__')
const map = fc.dictionary(names, fc.constantFrom('x', 'y'), { maxKeys: 3 })
const part = fc.record({ port: fc.constantFrom(53, 80), protocol: fc.constantFrom('TCP', 'UDP') })
const item = fc.record(
  {
    name: fc.constantFrom('app', 'side', 'evil'),
    image: fc.constantFrom('i:1', 'i:2'),
    args: fc.array(fc.constantFrom('-a', '-b'), { maxLength: 3 }),
    parts: fc.uniqueArray(part, { maxLength: 2, selector: ({ port, protocol }) => `${port}${protocol}` }),
  },
  { requiredKeys: ['name'] },
)
const fields = {
  labels: map,
  annotations: map,
  finalizers: fc.uniqueArray(fc.constantFrom('a/x', 'b/y'), { maxLength: 2 }),
  replicas: fc.nat(3),
  cpu: fc.constantFrom('1', '1000m', '2'),
  flag: fc.boolean(),
  map,
  items: fc.uniqueArray(item, { maxLength: 3, selector: ({ name }) => name }),
  list: fc.array(scalar, { maxLength: 3 }),
  clusterIP: fc.constantFrom('10.0.0.1', '10.0.0.2'),
}
const metadataFields = ['labels', 'annotations', 'finalizers']

type Parts = Partial<Record<keyof typeof fields, Json>>
const arbitraryParts = fc.record(fields, { requiredKeys: [] }) as unknown as fc.Arbitrary<Parts>

function build(parts: Parts): KubeObject {
  const metadata: JsonObject = {}
  const spec: JsonObject = {}
  for (const [key, value] of Object.entries(parts))
    (metadataFields.includes(key) ? metadata : spec)[key] = value
  return object('apps/v1', 'Deployment', 'web', { spec }, metadata)
}

/** What the API server would add. */
function defaulted(manifest: KubeObject): Canonical {
  const copy = cloneJson(manifest)
  const spec = copy['spec'] as JsonObject
  spec['flag'] ??= false
  spec['replicas'] ??= 1
  return { object: copy, generated: [['spec', 'clusterIP']], unattainable: [], method: 'probe' }
}

const actors: Actor[] = [
  person('alice'),
  account('ops', 'a'),
  account('ops', 'b'),
  system('deployment-controller'),
  system('horizontal-pod-autoscaler'),
]
const actor = fc.constantFrom(...actors)
const pattern = fc.constantFrom(
  '/spec/replicas',
  '/spec/map/*',
  '/spec/map',
  '/spec/items/[name=side]',
  '/spec/items/[name=app]/image',
  '/spec/items/*/image',
  '/spec/items/*/parts/[port=53,protocol=UDP]',
  '/spec/list/*',
  '/metadata/finalizers/a~1x',
  '/metadata/labels/example.com~1*',
  '/metadata/annotations/a',
)
const allowance: fc.Arbitrary<Allowance> = fc.record(
  {
    name: fc.constant('generated'),
    reason: fc.constant('generated'),
    users: fc.uniqueArray(
      fc.constantFrom(...actors.map(({ username }) => username), 'system:serviceaccount:ops:*'),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
    objects: fc.constant({}),
    fields: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
    ops: fc.constantFrom<readonly ('add' | 'remove' | 'replace')[]>(
      ['add'],
      ['remove'],
      ['replace'],
      ['add', 'replace'],
    ),
    unlessDeclared: fc.boolean(),
  },
  { requiredKeys: ['name', 'reason', 'users', 'objects', 'fields'] },
)

/** An edit sets some fields and takes some away; often it goes back to what Git says. */
const edit = fc.record({
  actor,
  set: arbitraryParts,
  unset: fc.subarray(Object.keys(fields) as (keyof typeof fields)[]),
  restore: fc.subarray(Object.keys(fields) as (keyof typeof fields)[]),
  few: fc.boolean(),
  subresource: fc.constantFrom('', '', '', 'status'),
})
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

/** What operators do: one small thing. */
const touches: readonly ((metadata: JsonObject, spec: JsonObject, value: string) => void)[] = [
  (_, spec, value) => void (spec['replicas'] = value.length),
  (_, spec, value) => void (spec['map'] = { ...entries(spec['map']), a: value }),
  (_, spec, value) => void (spec['map'] = { ...entries(spec['map']), b: value }),
  (metadata, _, value) =>
    void (metadata['labels'] = { ...entries(metadata['labels']), 'example.com/x': value }),
  (metadata, _, value) => void (metadata['annotations'] = { ...entries(metadata['annotations']), a: value }),
  (metadata) => void (metadata['finalizers'] = [...new Set([...list(metadata['finalizers']), 'a/x'])]),
  (metadata) => void (metadata['finalizers'] = list(metadata['finalizers']).filter((each) => each !== 'a/x')),
  (_, spec, value) => void (spec['items'] = withItem(list(spec['items']), 'side', { image: value })),
  (_, spec, value) => void (spec['items'] = withItem(list(spec['items']), 'app', { image: value })),
  (_, spec) =>
    void (spec['items'] = withItem(list(spec['items']), 'app', { parts: [{ port: 53, protocol: 'UDP' }] })),
  (_, spec) => void (spec['items'] = list(spec['items']).filter((each) => fieldOf(each, 'name') !== 'side')),
]
const entries = (value: Json | undefined) => (isObject(value) ? value : {})
const list = (value: Json | undefined) => (Array.isArray(value) ? value : [])
function withItem(items: Json[], name: string, fields: JsonObject): Json[] {
  const at = items.findIndex((each) => fieldOf(each, 'name') === name)
  if (at < 0) return [...items, { name, ...fields }]
  return items.with(at, { ...entries(items[at]), ...fields })
}

const small = fc
  .record({ actor, touch: fc.constantFrom(...touches), value: fc.constantFrom('x', 'yy', 'zzz') })
  .map(({ actor, touch, value }) => ({ actor, touch, value, subresource: '' }))
type Small = typeof small extends fc.Arbitrary<infer T> ? T : never
const anyEdit = fc.oneof({ weight: 5, arbitrary: small }, { weight: 1, arbitrary: edit })

function apply(live: KubeObject, canonical: KubeObject, edit: Edit | Small): KubeObject {
  const copy = cloneJson(live)
  if ('touch' in edit) {
    edit.touch(copy.metadata, copy['spec'] as JsonObject, edit.value)
    return copy
  }
  const { set, unset, restore, few } = edit
  const holder = (of: KubeObject, key: string) =>
    metadataFields.includes(key) ? of.metadata : (of['spec'] as JsonObject)
  const some = <T>(list: T[]) => (few ? list.slice(0, 1) : list)
  for (const [key, value] of some(Object.entries(set))) holder(copy, key)[key] = cloneJson(value)
  if (!few) for (const key of unset) delete holder(copy, key)[key]
  for (const key of restore) {
    const value = fieldOf(holder(canonical, key), key)
    if (value === undefined) delete holder(copy, key)[key]
    else holder(copy, key)[key] = cloneJson(value)
  }
  return copy
}

function setUp(parts: Parts, allowances: Allowance[]) {
  const manifest = build(parts)
  const policy = policyOf([{ objects: [manifest], canonical: defaulted, shape }], { allowances })
  const ledger = new Ledger()
  return { policy, declared: policy.declared(refOf(manifest))!, canonical: defaulted(manifest), ledger }
}

function drift(policy: Policy, declared: Declared, canonical: Canonical, live: KubeObject, ledger?: Ledger) {
  return compare(canonical, live, {
    shape,
    allowances: watcherAllowances(policy, declared),
    manifest: declared.manifest.object,
    ...(ledger === undefined
      ? {}
      : { writerOf: (path, value) => ledger.writerOf(declared.manifest.ref, path, value) }),
  }).changes
}

/** A status request keeps the spec. */
function asked(live: KubeObject, after: KubeObject, subresource: string): KubeObject {
  return subresource === 'status' ? { ...after, spec: cloneJson(live['spec'] ?? null) } : after
}

test('never take back what admission let through, whoever wrote what before', () => {
  let passed = 0
  let changed = 0
  fc.assert(
    fc.property(
      arbitraryParts,
      fc.array(allowance, { minLength: 1, maxLength: 6 }),
      fc.array(anyEdit, { minLength: 1, maxLength: 12 }),
      (parts, allowances, edits) => {
        const { policy, declared, canonical, ledger } = setUp(parts, allowances)
        let live = cloneJson(canonical.object)
        for (const [time, each] of edits.entries()) {
          const after = asked(live, apply(live, canonical.object, each), each.subresource)
          const request = change('UPDATE', each.actor, live, after, { subresource: each.subresource, time })
          if (judge(request, policy).decision !== 'allow') continue
          passed++
          if (!equalJson(live, after)) changed++
          const changes = difference(live, after, shape)
          ledger.record({ ref: request.ref, actor: each.actor, time, changes })
          live = after
          assert.deepEqual(drift(policy, declared, canonical, live, ledger), [])
          assert.deepEqual(drift(policy, declared, canonical, live), [])
        }
      },
    ),
    { numRuns: 3000 },
  )
  // Else this would prove nothing.
  assert.ok(passed > 2000 && changed > 1000, `${passed} let through, ${changed} of them changed something`)
})

test('leave no more drift than there was, where there was some', () => {
  const size = (changes: readonly unknown[]) => changes.length
  fc.assert(
    fc.property(
      arbitraryParts,
      fc.array(allowance, { maxLength: 3 }),
      arbitraryParts,
      edit,
      (parts, allowances, rogue, each) => {
        const { policy, declared, canonical } = setUp(parts, allowances)
        const live = apply(canonical.object, canonical.object, {
          ...each,
          set: rogue,
          restore: [],
          few: false,
        })
        const after = asked(live, apply(live, canonical.object, each), each.subresource)
        const request = change('UPDATE', each.actor, live, after, { subresource: each.subresource })
        if (judge(request, policy).decision !== 'allow') return
        const before = drift(policy, declared, canonical, live)
        for (const left of drift(policy, declared, canonical, after)) {
          assert.ok(
            before.some((was) => within(left, was)),
            JSON.stringify({ left, before }),
          )
        }
        assert.ok(size(drift(policy, declared, canonical, after)) <= size(before))
      },
    ),
    { numRuns: 3000 },
  )
})

/** The same drift, or a part of what was there. */
function within(
  left: ReturnType<typeof difference>[number],
  was: ReturnType<typeof difference>[number],
): boolean {
  if (pathKey(left.path) !== pathKey(was.path)) return false
  return equalJson(left.after, was.after) || (isObject(left.after) && isObject(was.after))
}

test('take back what admission would have denied, where it is known who wrote it', () => {
  let denied = 0
  fc.assert(
    fc.property(arbitraryParts, fc.array(allowance, { maxLength: 4 }), anyEdit, (parts, allowances, each) => {
      const { policy, declared, canonical, ledger } = setUp(parts, allowances)
      const live = cloneJson(canonical.object)
      const after = apply(live, canonical.object, each)
      // What the server allocates is nobody's to change, and nothing to compare.
      const spec = after['spec'] as JsonObject
      const allocated = fieldOf(live['spec'], 'clusterIP')
      if (allocated === undefined) delete spec['clusterIP']
      else spec['clusterIP'] = allocated
      const request = change('UPDATE', each.actor, live, after)
      // An item that is gone as a whole names no writer for its fields.
      fc.pre(!difference(live, after, shape).some(({ op, before }) => op === 'remove' && isObject(before)))
      const verdict = judge(request, policy)
      ledger.record({ ref: request.ref, actor: each.actor, time: 0, changes: difference(live, after, shape) })
      const found = drift(policy, declared, canonical, after, ledger)
      assert.equal(verdict.decision === 'deny', found.length > 0)
      if (verdict.decision === 'deny') denied++
    }),
    { numRuns: 3000 },
  )
  assert.ok(denied > 500, `${denied} denied`)
})
