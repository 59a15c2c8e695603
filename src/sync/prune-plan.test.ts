import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { refKey } from '../object/identity.ts'
import type { InventoryEntry } from './inventory.ts'
import { planPrune } from './prune-plan.ts'
import type { PruneFacts } from './prune-plan.ts'

function entry(kind: string, name: string, more: Partial<InventoryEntry> & { namespace?: string } = {}) {
  const groups: { [kind: string]: string } = {
    Deployment: 'apps',
    CustomResourceDefinition: 'apiextensions.k8s.io',
    ClusterRole: 'rbac.authorization.k8s.io',
    ValidatingWebhookConfiguration: 'admissionregistration.k8s.io',
  }
  const { namespace = 'shop', ...rest } = more
  const clusterScoped = [
    'Namespace',
    'CustomResourceDefinition',
    'ClusterRole',
    'ValidatingWebhookConfiguration',
  ]
  const ref = {
    group: groups[kind] ?? '',
    kind,
    namespace: clusterScoped.includes(kind) ? '' : namespace,
    name,
  }
  return { ref, hash: '1', keep: false, ...rest }
}

/** Ten ConfigMaps that Git declares. */
const declared = Array.from({ length: 10 }, (_, index) => entry('ConfigMap', `kept-${index}`))

function plan(dropped: InventoryEntry[], more: Partial<PruneFacts> = {}) {
  const all = [...declared, ...dropped]
  const decided = planPrune({
    inventory: new Map(all.map((one) => [refKey(one.ref), one])),
    declares: ({ ref }) => ref.name.startsWith('kept-'),
    declaredElsewhere: () => false,
    declared: declared.length,
    problems: 0,
    unsettled: new Set(),
    isHeld: () => false,
    ...more,
  })
  const names = (entries: readonly InventoryEntry[]) => entries.map(({ ref }) => ref.name)
  return {
    remove: names(decided.remove),
    removeEmpty: names(decided.removeEmpty),
    release: decided.release.map(({ entry: { ref } }) => ref.name),
    waiting: decided.waiting.map(({ entry: { ref } }) => ref.name),
    refused: decided.refused,
  }
}

describe('planPrune', () => {
  it('delete what Git dropped, in the reverse of the order in which it came', () => {
    const dropped = [
      entry('Namespace', 'old'),
      entry('ClusterRole', 'role'),
      entry('ConfigMap', 'config'),
      entry('Deployment', 'web'),
      entry('ValidatingWebhookConfiguration', 'hook'),
    ]
    const { remove, removeEmpty } = plan(dropped)
    assert.deepEqual(remove, ['hook', 'web', 'config', 'role'])
    assert.deepEqual(removeEmpty, ['old'])
  })

  it('leave what Git said is never pruned, and what another source declares', () => {
    const dropped = [entry('ConfigMap', 'precious', { keep: true }), entry('ConfigMap', 'moved')]
    const decided = plan(dropped, { declaredElsewhere: ({ ref }) => ref.name === 'moved' })
    assert.deepEqual([decided.release, decided.remove], [['precious', 'moved'], []])
  })

  it('delete nothing while a manifest cannot be read', () => {
    const { remove, release, waiting } = plan(
      [entry('ConfigMap', 'config'), entry('ConfigMap', 'precious', { keep: true })],
      { problems: 1 },
    )
    assert.deepEqual([remove, release, waiting], [[], [], ['config', 'precious']])
  })

  it('delete nothing where something of the commit is not applied beside it', () => {
    const dropped = [
      entry('ConfigMap', 'here'),
      entry('ConfigMap', 'there', { namespace: 'other' }),
      entry('ClusterRole', 'role'),
    ]
    const { remove, waiting } = plan(dropped, { unsettled: new Set(['shop']) })
    assert.deepEqual([remove, waiting], [['there'], ['here', 'role']])
  })

  it('leave what an exception covers', () => {
    const { remove, waiting } = plan([entry('ConfigMap', 'here')], { isHeld: () => true })
    assert.deepEqual([remove, waiting], [[], ['here']])
  })

  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => entry('ConfigMap', `old-${index}`))
  for (const [title, facts, count, refused] of [
    ['all of it', { declared: 0 }, 1, { count: 1, max: 0 }],
    ['more than it leaves', {}, 11, { count: 11, max: 10 }],
    ['more than a few where little is left', { declared: 2 }, 6, { count: 6, max: 5 }],
    ['more than the configuration lets', { max: 2 }, 3, { count: 3, max: 2 }],
  ] as const) {
    it(`refuse a commit that drops ${title}`, () => {
      const decided = plan(many(count), facts)
      assert.deepEqual([decided.refused, decided.remove], [refused, []])
      assert.equal(decided.waiting.length, count)
    })
  }
  for (const [title, facts, count] of [
    ['as much as it leaves', {}, 10],
    ['a few where little is left', { declared: 1 }, 5],
    ['all where the configuration lets it', { declared: 0, max: 20 }, 12],
  ] as const) {
    it(`let a commit drop ${title}`, () => {
      assert.equal(plan(many(count), facts).remove.length, count)
    })
  }

  it('put each dropped object in one place, and never one that Git declares', () => {
    const dropped = fc.uniqueArray(
      fc.record({
        kind: fc.constantFrom('Namespace', 'ConfigMap', 'Deployment', 'CustomResourceDefinition'),
        name: fc.constantFrom('a', 'b', 'c', 'kept-x'),
        namespace: fc.constantFrom('shop', 'other'),
        keep: fc.boolean(),
      }),
      { selector: ({ kind, name, namespace }) => refKey(entry(kind, name, { namespace }).ref) },
    )
    const facts = fc.record({
      problems: fc.integer({ min: 0, max: 1 }),
      max: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
      unsettled: fc.subarray(['shop', 'other', '']).map((names) => new Set(names)),
    })
    fc.assert(
      fc.property(dropped, facts, (drawn, given) => {
        const entries = drawn.map(({ kind, name, namespace, keep }) => entry(kind, name, { namespace, keep }))
        const decided = planPrune({
          inventory: new Map(entries.map((one) => [refKey(one.ref), one])),
          declares: ({ ref }) => ref.name.startsWith('kept-'),
          declaredElsewhere: () => false,
          declared: 3,
          isHeld: () => false,
          ...given,
        })
        const places = [
          ...decided.remove,
          ...decided.removeEmpty,
          ...decided.release.map((one) => one.entry),
          ...decided.waiting.map((one) => one.entry),
        ]
        const expected = entries.filter(({ ref }) => !ref.name.startsWith('kept-'))
        assert.equal(places.length, new Set(places).size)
        assert.deepEqual(new Set(places), new Set(expected))
        const going = decided.remove.length + decided.removeEmpty.length
        if (given.problems > 0 || decided.refused !== undefined) assert.equal(going, 0)
        if (given.max !== undefined) assert.ok(going <= given.max)
        for (const { ref, keep } of [...decided.remove, ...decided.removeEmpty]) {
          assert.ok(!keep && !given.unsettled.has(ref.namespace))
        }
      }),
    )
  })
})
