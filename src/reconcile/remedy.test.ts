import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decideRemedy } from './remedy.ts'
import type { Facts } from './remedy.ts'

const base: Facts = {
  drift: 'modified',
  heal: 'revert',
  now: 1_000_000,
  since: 1_000_000,
  graceMs: 60_000,
  writer: 'unknown',
}
const decide = (facts: Partial<Facts>) => decideRemedy({ ...base, ...facts })

describe('what is done about a difference', () => {
  it('repair at once what a person did, with a record or under a manager that no agent uses', () => {
    assert.deepEqual(decide({ writer: 'person' }), { remedy: 'repair', reason: 'person' })
    assert.deepEqual(decide({ writer: 'other-manager' }), { remedy: 'repair', reason: 'person' })
    assert.deepEqual(decide({ drift: 'missing', writer: 'person' }), { remedy: 'repair', reason: 'person' })
  })

  it('ask who is ahead before anything else is repaired', () => {
    for (const drift of ['modified', 'missing', 'undeclared'] as const) {
      assert.deepEqual(decide({ drift }), { remedy: 'wait', reason: 'ask', ask: true })
      assert.equal(decide({ drift, standing: 'level' }).remedy, 'repair')
    }
  })

  it('wait for a commit that the agent has and Git does not show, however long', () => {
    const decision = decide({ standing: 'agent-ahead', now: base.now + 3_600_000 })
    assert.deepEqual(decision, { remedy: 'wait', reason: 'agent-ahead', recheckAfterMs: 1_000, ask: true })
  })

  it('give the grace time where neither Git nor the agent answers, then the last good revision', () => {
    assert.deepEqual(decide({ standing: 'unknown' }), {
      remedy: 'wait',
      reason: 'git-unreachable',
      recheckAfterMs: 60_000,
      ask: true,
    })
    assert.deepEqual(decide({ standing: 'unknown', now: base.now + 60_000 }), {
      remedy: 'repair',
      reason: 'last-good-revision',
    })
  })

  it('give the agent time to make again what it deleted', () => {
    assert.equal(decide({ drift: 'missing', writer: 'agent', standing: 'level' }).reason, 'agent-acts')
    const later = base.now + 60_000
    assert.equal(
      decide({ drift: 'missing', writer: 'agent', standing: 'level', now: later }).remedy,
      'repair',
    )
  })

  it('let a break-glass permission stand until it ends', () => {
    const decision = decide({ writer: 'person', breakGlassUntil: base.now + 5_000 })
    assert.deepEqual(decision, { remedy: 'none', reason: 'break-glass', recheckAfterMs: 5_000 })
    assert.equal(decide({ writer: 'person', breakGlassUntil: base.now }).remedy, 'repair')
  })

  it('wait while the object or its namespace is on its way out', () => {
    assert.equal(decide({ writer: 'person', terminating: true }).reason, 'terminating')
    assert.equal(decide({ writer: 'person', namespaceTerminating: true }).reason, 'namespace-terminating')
  })

  it('never miss a finished Job, a hook or an object whose name the server makes', () => {
    assert.equal(decide({ drift: 'missing', finished: true, standing: 'level' }).remedy, 'none')
    assert.equal(decide({ drift: 'missing', comesAndGoes: true, standing: 'level' }).remedy, 'none')
    assert.equal(decide({ drift: 'modified', comesAndGoes: true, writer: 'person' }).remedy, 'repair')
  })

  it('let live lag for the grace time, then say so once, and never repair it', () => {
    const pending = { since: base.now, suspended: false, told: false, ours: false }
    assert.deepEqual(decide({ pending, standing: 'level' }), {
      remedy: 'wait',
      reason: 'pending',
      recheckAfterMs: 60_000,
    })
    const now = base.now + 60_000
    assert.deepEqual(decide({ pending, now, standing: 'level' }), { remedy: 'alert', reason: 'agent-lags' })
    assert.equal(decide({ pending: { ...pending, told: true }, now, standing: 'level' }).remedy, 'none')
    assert.equal(decide({ pending: { ...pending, suspended: true }, now }).reason, 'agent-suspended')
  })

  it('bring the newest commit where it was the guard itself that put an older one back', () => {
    const pending = { since: base.now, suspended: false, told: false, ours: true }
    assert.equal(decide({ pending, standing: 'level' }).reason, 'pending')
    assert.equal(decide({ pending, standing: 'level', now: base.now + 60_000 }).remedy, 'repair')
  })

  it('only tell where the source says so, and not before Git was asked', () => {
    assert.deepEqual(decide({ heal: 'alert', writer: 'person' }), { remedy: 'alert', reason: 'alert-only' })
    assert.equal(decide({ heal: 'alert' }).reason, 'ask')
    assert.equal(decide({ heal: 'alert', standing: 'level' }).remedy, 'alert')
  })

  it('try a refused repair no second time, unless it may be made anew', () => {
    assert.deepEqual(decide({ writer: 'person', refused: 'immutable' }), {
      remedy: 'none',
      reason: 'unrepairable',
    })
    assert.equal(decide({ writer: 'person', refused: 'immutable', recreate: true }).remedy, 'repair')
  })

  it('hold a fight', () => {
    const decision = decide({ writer: 'person', heldUntil: base.now + 1_000 })
    assert.deepEqual(decision, { remedy: 'wait', reason: 'fight', recheckAfterMs: 1_000 })
  })

  it('nudge instead of repairing where the source says so', () => {
    assert.equal(decide({ writer: 'person', nudge: true }).remedy, 'nudge')
  })

  it('never touch what belongs to another object', () => {
    assert.equal(decide({ drift: 'undeclared', exempt: true, standing: 'level' }).remedy, 'none')
  })

  it('never repair or alert on a revision that may be stale, whatever else is true', () => {
    const facts = fc.record({
      drift: fc.constantFrom('modified', 'missing', 'undeclared'),
      heal: fc.constantFrom('revert', 'alert'),
      now: fc.integer({ min: base.now, max: base.now + 59_999 }),
      writer: fc.constantFrom('agent', 'unknown'),
      standing: fc.constantFrom(undefined, 'agent-ahead', 'unknown'),
      terminating: fc.boolean(),
      namespaceTerminating: fc.boolean(),
      comesAndGoes: fc.boolean(),
      finished: fc.boolean(),
      nudge: fc.boolean(),
      recreate: fc.boolean(),
      exempt: fc.boolean(),
    })
    fc.assert(
      fc.property(facts, (some) => {
        const { remedy } = decideRemedy({ ...base, ...(some as unknown as Facts) })
        assert.ok(remedy === 'wait' || remedy === 'none', remedy)
      }),
    )
  })
})
