import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { planSync } from './plan.ts'
import type { Failure } from './plan.ts'
import type { SyncObject } from './sync-object.ts'

const NOW = 1_000_000

function object(key: string, stage: SyncObject['stage'], needs: string[] = []): SyncObject {
  return {
    key,
    ref: { group: '', kind: 'ConfigMap', namespace: 'shop', name: key },
    hash: `${key}-1`,
    stage,
    needs,
    keep: false,
  }
}

function failure(hash: string, retryAt: number): Failure {
  return { hash, why: 'refused', final: true, since: NOW, retryAt, times: 1 }
}

interface Given {
  desired: SyncObject[]
  applied?: string[]
  failures?: [string, Failure][]
  held?: { [key: string]: number }
}

function plan({ desired, applied = [], failures = [], held = {} }: Given) {
  const decided = planSync({
    now: NOW,
    desired,
    applied: new Map(applied.map((key) => [key, `${key}-1`])),
    failures: new Map(failures),
    heldUntil: ({ key }) => held[key],
  })
  return { ...decided, apply: decided.apply.map(({ key }) => key) }
}

const shop = () => [
  object('namespace', 0),
  object('role', 1, ['namespace']),
  object('config', 2, ['namespace']),
  object('web', 3, ['namespace']),
  object('hook', 4),
]

describe('planSync', () => {
  it('begin with what others need', () => {
    assert.deepEqual(plan({ desired: shop() }).apply, ['namespace'])
  })

  it('go on with the next stage when all before it were tried', () => {
    assert.deepEqual(plan({ desired: shop(), applied: ['namespace'] }).apply, ['role'])
    const failures: [string, Failure][] = [['role', failure('role-1', NOW + 1)]]
    assert.deepEqual(plan({ desired: shop(), applied: ['namespace'], failures }).apply, ['config'])
  })

  it('apply what needs nothing of what failed, and say what waits for it', () => {
    const failures: [string, Failure][] = [['namespace', failure('namespace-1', NOW + 500)]]
    const { apply, blocked, failing, nextAt } = plan({ desired: shop(), failures })
    assert.deepEqual(apply, ['hook'])
    assert.deepEqual(
      blocked.map(({ object: { key }, need }) => [key, need]),
      [
        ['role', 'namespace'],
        ['config', 'namespace'],
        ['web', 'namespace'],
      ],
    )
    assert.deepEqual(
      failing.map(({ key }) => key),
      ['namespace'],
    )
    assert.equal(nextAt, NOW + 500)
  })

  it('try again what failed when its pause is over, beside the rest', () => {
    const failures: [string, Failure][] = [['role', failure('role-1', NOW)]]
    assert.deepEqual(plan({ desired: shop(), applied: ['namespace'], failures }).apply, ['config', 'role'])
  })

  it('try at once what failed in an earlier form', () => {
    const failures: [string, Failure][] = [['role', failure('role-0', NOW + 60_000)]]
    assert.deepEqual(plan({ desired: shop(), applied: ['namespace'], failures }).apply, ['role'])
  })

  it('leave an object that an exception covers until it ends, and go on', () => {
    const { apply, held, nextAt } = plan({
      desired: shop(),
      applied: ['namespace'],
      held: { role: NOW + 9_000 },
    })
    assert.deepEqual(apply, ['config'])
    assert.deepEqual(
      held.map(({ key }) => key),
      ['role'],
    )
    assert.equal(nextAt, NOW + 9_000)
    assert.deepEqual(plan({ desired: shop(), applied: ['namespace'], held: { role: NOW } }).apply, ['role'])
  })

  it('have nothing to do when all is applied as Git says', () => {
    const applied = shop().map(({ key }) => key)
    const { apply, done, nextAt } = plan({ desired: shop(), applied })
    assert.deepEqual([apply, done, nextAt], [[], 5, undefined])
  })

  it('bring everything in that can be, each after what it needs, whatever fails', () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    const objects = fc.tuple(
      ...keys.map((key, index) =>
        fc.record({
          stage: fc.integer({ min: 1, max: 4 }),
          need: fc.option(fc.constantFrom(...keys.slice(0, index), 'none'), { nil: undefined }),
          fails: fc.boolean(),
          key: fc.constant(key),
        }),
      ),
    )
    fc.assert(
      fc.property(objects, (drawn) => {
        const needed = new Set(drawn.map(({ need }) => need))
        const desired = drawn.map(({ key, stage, need }) =>
          object(
            key,
            (needed.has(key) ? 0 : stage) as SyncObject['stage'],
            need === undefined || need === 'none' ? [] : [need],
          ),
        )
        const fails = new Set(drawn.filter((one) => one.fails).map(({ key }) => key))
        const applied: string[] = []
        const failures = new Map<string, Failure>()
        for (let round = 0; ; round++) {
          assert.ok(round < 20, 'it ends')
          const { apply } = plan({ desired, applied, failures: [...failures] })
          if (apply.length === 0) break
          const stages = new Set(apply.map((key) => desired.find((one) => one.key === key)!.stage))
          assert.equal(stages.size, 1)
          for (const key of apply) {
            assert.ok(!applied.includes(key) && !failures.has(key), `${key} is tried once`)
            for (const need of desired.find((one) => one.key === key)!.needs)
              assert.ok(applied.includes(need))
          }
          for (const key of apply)
            if (fails.has(key)) failures.set(key, failure(`${key}-1`, NOW + 1))
            else applied.push(key)
        }
        const canBe = (key: string): boolean =>
          !fails.has(key) && desired.find((one) => one.key === key)!.needs.every(canBe)
        assert.deepEqual(applied.toSorted(), keys.filter(canBe))
      }),
    )
  })
})
