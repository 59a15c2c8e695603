import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesPattern } from './selectors.ts'

test('match as the regular expression would', () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '/'), maxLength: 8 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/'), maxLength: 10 })
  fc.assert(
    fc.property(piece, text, (pattern, subject) => {
      const regular = pattern
        .split('*')
        .map((part) => part.replace(/[.]/g, '\\.'))
        .join('.*')
      assert.equal(matchesPattern(pattern, subject), new RegExp(`^${regular}$`).test(subject))
    }),
    { numRuns: 2000 },
  )
})

test('take time in proportion to the text for the worst of patterns', () => {
  const started = performance.now()
  assert.equal(matchesPattern(`${'a*'.repeat(40)}b`, 'a'.repeat(100_000)), false)
  assert.ok(performance.now() - started < 200)
})

test('no part of a text counts twice', () => {
  assert.equal(matchesPattern('*aa*a', 'aa'), false)
  assert.equal(matchesPattern('*aa*a', 'aaa'), true)
  assert.equal(matchesPattern('a*a', 'a'), false)
})
