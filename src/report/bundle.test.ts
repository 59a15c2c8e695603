import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Bundler, MOST, type Pending } from './bundle.ts'
import { manyViolations, someViolation } from './testing/violations.ts'

const TIMES = { window: 1000, burst: 15_000, hold: 10_000, holdMost: 40_000 }
const at = (readAt: number, over: Parameters<typeof someViolation>[0] = {}): Pending => ({
  violation: someViolation(over),
  readAt,
})

describe('the bundler', () => {
  test('waits a moment after the first, so that what follows is in the same message', () => {
    const bundler = new Bundler(TIMES)
    const pending = [at(0), at(900)]
    assert.deepEqual(bundler.choose(pending, 400, false), { waitMs: 600 })
    assert.deepEqual(bundler.choose(pending, 1000, false), { send: pending })
    assert.equal(bundler.choose([], 1000, false), undefined)
  })

  test('holds more of the same, longer each time, and forgets it after a quiet time', () => {
    const bundler = new Bundler(TIMES)
    const holds = [0, 10_000, 30_000, 70_000].map((now) => {
      bundler.sent([someViolation()], now)
      return bundler.choose([at(now - 5000)], now, false)
    })
    assert.deepEqual(holds, [{ waitMs: 10_000 }, { waitMs: 20_000 }, { waitMs: 40_000 }, { waitMs: 40_000 }])
    bundler.sent([someViolation()], 300_000)
    assert.deepEqual(bundler.choose([at(300_000)], 301_000, false), { waitMs: 9000 })
  })

  test('lets another object or person through while one is held', () => {
    const bundler = new Bundler(TIMES)
    bundler.sent([someViolation()], 0)
    const bob = at(0, { actor: { username: 'bob', groups: [], authenticated: true } })
    assert.deepEqual(bundler.choose([at(0), bob], 1000, false), { send: [bob] })
  })

  test('holds nothing urgent', () => {
    const bundler = new Bundler(TIMES)
    bundler.sent([someViolation()], 0)
    const urgent = at(0, { event: 'unrepairable' })
    assert.deepEqual(bundler.choose([urgent], 1000, false), { send: [urgent] })
  })

  test('makes one digest of a burst once it is over, or has lasted long', () => {
    const bundler = new Bundler(TIMES)
    const burst = (seconds: number) =>
      manyViolations(seconds * 10).map((violation, index) => ({ violation, readAt: index * 100 }))
    assert.deepEqual(bundler.choose(burst(5), 5000, false), { waitMs: 900 })
    assert.deepEqual(bundler.choose(burst(10), 10_899, false), { waitMs: 1 })
    const over = bundler.choose(burst(10), 10_900, false)
    assert.ok(over !== undefined && 'send' in over)
    assert.equal(over.send.length, 100)
    const long = bundler.choose(burst(15), 15_000, false)
    assert.ok(long !== undefined && 'send' in long)
  })

  test('keeps nothing urgent for the end of a burst', () => {
    const bundler = new Bundler(TIMES)
    const many = manyViolations(50).map((violation) => ({ violation, readAt: 900 }))
    const choice = bundler.choose([at(0, { event: 'unrepairable' }), ...many], 1000, false)
    assert.ok(choice !== undefined && 'send' in choice)
  })

  test('makes one digest of many, then holds the next', () => {
    const bundler = new Bundler(TIMES)
    const many = (readAt: number) => manyViolations(1500).map((violation) => ({ violation, readAt }))
    const first = bundler.choose(many(0), 1000, false)
    assert.ok(first !== undefined && 'send' in first)
    assert.equal(first.send.length, MOST)
    bundler.sent(
      first.send.map(({ violation }) => violation),
      1000,
    )
    assert.deepEqual(bundler.choose(many(1000), 3000, false), { waitMs: 8000 })
    const full = bundler.choose(many(1000), 3000, true)
    assert.ok(full !== undefined && 'send' in full)
  })
})
