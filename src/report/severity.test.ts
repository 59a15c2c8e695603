import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFor } from './route.ts'
import { severityOf } from './severity.ts'
import { someViolation } from './testing/violations.ts'

test('critical is what takes a person; a fight is, its end is not', () => {
  assert.equal(severityOf(someViolation({ event: 'denied' })), 'warning')
  assert.equal(severityOf(someViolation({ event: 'unrepairable' })), 'critical')
  assert.equal(severityOf(someViolation({ event: 'trouble', rule: 'git' })), 'critical')
  assert.equal(severityOf(someViolation({ event: 'drift', rule: 'fight' })), 'critical')
  assert.equal(severityOf(someViolation({ event: 'repaired', rule: 'guard-self' })), 'critical')
  assert.equal(severityOf(someViolation({ event: 'resolved', rule: 'fight' })), 'info')
  assert.equal(severityOf(someViolation({ event: 'audited' })), 'info')
})

test('a route takes its severities only', () => {
  assert.equal(isFor({ severities: ['critical'] }, someViolation()), false)
  assert.equal(isFor({ severities: ['critical', 'warning'] }, someViolation()), true)
})
