import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Change } from '../model/change.ts'
import type { Verdict } from '../model/verdict.ts'
import { violationOfDrift, violationOfVerdict, type DriftFacts } from './violation.ts'

const ref = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
const origin = { file: 'web.yaml', line: 3, revision: 'abc', approximate: true }

const change: Change = {
  id: 'uid',
  operation: 'UPDATE',
  resource: { group: 'apps', version: 'v1', resource: 'deployments' },
  subresource: '',
  ref,
  before: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: {} },
  after: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: {} },
  actor: { username: 'alice', groups: ['dev'], authenticated: true, extra: { scopes: ['x'] } },
  dryRun: false,
  time: Date.parse('2026-11-24T10:00:00Z'),
}

const verdict: Verdict = {
  decision: 'deny',
  rule: 'declared-object',
  reason: 'No.',
  changes: [{ path: ['spec', 'a/b'], op: 'replace', before: 1, after: 2 }],
  source: 'shop',
  origin,
  enforced: 'deny',
}

describe('a verdict', () => {
  test('becomes the violation of the contract', () => {
    assert.deepEqual(violationOfVerdict(change, verdict, 'id1'), {
      id: 'id1',
      time: '2026-11-24T10:00:00.000Z',
      event: 'denied',
      verdict: 'deny',
      rule: 'declared-object',
      reason: 'No.',
      operation: 'UPDATE',
      subresource: '',
      actor: { username: 'alice', groups: ['dev'], authenticated: true },
      object: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
      source: 'shop',
      origin: { file: 'web.yaml', line: 3, revision: 'abc' },
      changes: [{ path: '/spec/a~1b', op: 'replace', desired: 1, live: 2 }],
      remedy: 'none',
    })
  })

  test('tells of nothing when it was a dry-run, or allowed as usual', () => {
    assert.equal(violationOfVerdict({ ...change, dryRun: true }, verdict, 'i'), undefined)
    assert.equal(
      violationOfVerdict(change, { ...verdict, decision: 'allow', enforced: 'allow' }, 'i'),
      undefined,
    )
  })

  test('is named after what the mode made of it', () => {
    const event = (over: Partial<Verdict>) => violationOfVerdict(change, { ...verdict, ...over }, 'i')?.event
    assert.equal(event({ decision: 'warn' }), 'warned')
    assert.equal(event({ decision: 'allow' }), 'audited')
    assert.equal(
      event({ decision: 'allow', enforced: 'allow', notable: true, rule: 'break-glass' }),
      'break-glass',
    )
    assert.equal(event({ decision: 'allow', enforced: 'allow', notable: true, rule: 'connect' }), 'audited')
  })

  test('names the object, not the Scale that was sent for it', () => {
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: {} }
    const violation = violationOfVerdict(
      { ...change, subresource: 'scale', before: scale, after: scale },
      verdict,
      'i',
    )
    assert.equal(violation?.object.apiVersion, 'apps/v1')
  })
})

describe('drift', () => {
  const facts: DriftFacts = {
    id: 'f1',
    ref,
    apiVersion: 'apps/v1',
    drift: 'missing',
    source: 'shop',
    origin,
    changes: [],
    actor: { username: '', groups: [], authenticated: false },
    remedy: 'repair',
    reason: 'person',
    seenAt: Date.parse('2026-11-24T10:00:00Z'),
  }

  test('becomes a violation whose operation is what was done to Git', () => {
    const violation = violationOfDrift(facts, { event: 'drift' })
    assert.deepEqual(
      [violation.id, violation.event, violation.operation, violation.rule, violation.remedy],
      ['f1', 'drift', 'DELETE', 'missing', 'repair'],
    )
    assert.equal(violation.repairedAfterMs, undefined)
  })

  test('has an id of its own for each outcome, and the time that the repair took', () => {
    const violation = violationOfDrift(facts, { event: 'repaired', repairedAfterMs: 12.345 })
    assert.deepEqual(
      [violation.id, violation.repairedAfterMs, violation.time],
      ['f1-repaired', 12.3, '2026-11-24T10:00:00.012Z'],
    )
    const refused = violationOfDrift(facts, { event: 'unrepairable', why: 'immutable' })
    assert.deepEqual([refused.id, refused.reason], ['f1-unrepairable', 'immutable'])
  })
})
