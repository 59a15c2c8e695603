import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoff } from './backoff.ts'
import { retryAfter } from './post.ts'

const times = { least: 1000, most: 60_000 }

test('double the delay up to its most, and spread it', () => {
  const delays = (random: number) =>
    [1, 2, 3, 7, 99].map((failures) => backoff(failures, { times, random: () => random }))
  assert.deepEqual(delays(1), [1000, 2000, 4000, 60_000, 60_000])
  assert.deepEqual(delays(0), [500, 1000, 2000, 30_000, 30_000])
})

test('never come back sooner than asked, nor be sent away for days', () => {
  assert.equal(backoff(1, { times, retryAfterMs: 30_000 }), 30_000)
  assert.equal(backoff(1, { times, retryAfterMs: 9e9 }), 3_600_000)
})

test('read Retry-After as seconds and as a date', () => {
  assert.equal(retryAfter('30'), 30_000)
  assert.equal(retryAfter('Tue, 24 Nov 2026 10:00:10 GMT', Date.parse('2026-11-24T10:00:00Z')), 10_000)
  assert.equal(retryAfter('soon'), undefined)
  assert.equal(retryAfter('-1'), undefined)
  assert.equal(retryAfter(null), undefined)
})
