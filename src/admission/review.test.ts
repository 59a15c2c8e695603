import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../model/change.ts'
import type { Verdict } from '../model/verdict.ts'
import { review, type Reviewer } from './review.ts'

const change = { id: 'u', ref: { kind: 'Deployment' }, actor: { username: 'alice' } } as Change
const verdict: Verdict = { decision: 'allow', rule: 'x', reason: '', changes: [], enforced: 'allow' }

function reviewer(changed: Partial<Reviewer> = {}): Reviewer & { errors: Error[] } {
  const errors: Error[] = []
  return {
    judge: () => verdict,
    ready: () => true,
    whenBlind: ({ actor }) => (actor.username === 'alice' ? 'deny' : 'allow'),
    onError: (error) => errors.push(error),
    errors,
    ...changed,
  }
}

test('judge when ready', () => assert.equal(review(change, reviewer()), verdict))

test('deny people and let agents through while Git was not read', () => {
  const notReady = reviewer({ ready: () => false })
  assert.deepEqual(
    [review(change, notReady).decision, review(change, notReady).rule],
    ['deny', 'guard-not-ready'],
  )
  const agent = { ...change, actor: { ...change.actor, username: 'agent' } }
  assert.equal(review(agent, notReady).decision, 'allow')
})

test('deny people when a rule fails, and tell', () => {
  const broken = reviewer({
    judge: () => {
      throw new RangeError('stack')
    },
  })
  assert.equal(review(change, broken).rule, 'guard-failed')
  assert.equal(review(change, broken).decision, 'deny')
  assert.equal(broken.errors.length, 2)
})

test('deny when even the answer for that case fails', () => {
  const broken = reviewer({
    ready: () => false,
    whenBlind: () => {
      throw new Error('twice')
    },
  })
  assert.equal(review(change, broken).decision, 'deny')
})

test('deny people what has no known kind', () => {
  assert.equal(review({ ...change, ref: { ...change.ref, kind: '' } }, reviewer()).rule, 'kind-unknown')
})
