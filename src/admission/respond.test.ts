import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../model/change.ts'
import type { Verdict } from '../model/verdict.ts'
import { reviewResponse } from './respond.ts'
import { violationId } from './violation-id.ts'

const change: Change = {
  id: 'b6a7e7a1-1c2d-4000-8000-000000000001',
  operation: 'UPDATE',
  resource: { group: 'apps', version: 'v1', resource: 'deployments' },
  subresource: '',
  ref: { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' },
  actor: { username: 'alice', groups: [], authenticated: true },
  dryRun: false,
  time: 0,
}
const denied: Verdict = {
  decision: 'deny',
  rule: 'declared',
  reason: 'Git holds this Deployment.\nChange web.yaml instead.',
  changes: [],
  enforced: 'deny',
  source: 'shop',
  origin: { file: 'web.yaml', line: 3, revision: 'abc' },
}
const respond = (verdict: Verdict, changed: Partial<Change> = {}) =>
  JSON.parse(reviewResponse({ ...change, ...changed }, verdict))

test('a denial is a 403 with the reason, and the id that the audit log has too', () => {
  assert.deepEqual(respond(denied), {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: change.id,
      allowed: false,
      status: {
        status: 'Failure',
        code: 403,
        reason: 'Forbidden',
        message: 'Git holds this Deployment.\nChange web.yaml instead. (rule declared, id b6a7e7a11c2d)',
        details: {
          name: 'web',
          group: 'apps',
          kind: 'Deployment',
          causes: [
            { reason: 'GitOpsGuardRule', message: 'declared' },
            { reason: 'GitOpsGuardViolation', message: 'b6a7e7a11c2d' },
            { reason: 'GitOpsGuardOrigin', message: 'web.yaml:3@abc' },
          ],
        },
      },
      auditAnnotations: {
        id: 'b6a7e7a11c2d',
        decision: 'deny',
        rule: 'declared',
        actor: 'alice',
        source: 'shop',
        origin: 'web.yaml:3@abc',
      },
    },
  })
})

test('an allowed change says nothing', () => {
  const verdict: Verdict = { decision: 'allow', rule: 'agent', reason: '', changes: [], enforced: 'allow' }
  assert.deepEqual(respond(verdict), {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: change.id, allowed: true },
  })
})

test('a warning lets the change through and tells the reason line by line', () => {
  const { response } = respond({ ...denied, decision: 'warn' })
  assert.equal(response.allowed, true)
  assert.equal(response.status, undefined)
  assert.deepEqual(response.warnings, [
    'Git holds this Deployment.',
    'Change web.yaml instead. (rule declared, id b6a7e7a11c2d)',
  ])
  assert.equal(response.auditAnnotations.enforced, 'deny')
})

test('in audit only the audit log hears of it', () => {
  const { response } = respond({ ...denied, decision: 'allow' })
  assert.deepEqual(Object.keys(response), ['uid', 'allowed', 'auditAnnotations'])
  assert.equal(response.auditAnnotations.decision, 'allow')
  assert.equal(response.auditAnnotations.enforced, 'deny')
})

test('what is allowed but notable leaves an audit annotation', () => {
  const { response } = respond({ ...denied, decision: 'allow', enforced: 'allow', notable: true })
  assert.equal(response.auditAnnotations.rule, 'declared')
})

test('a dry-run gets the same answer, marked in the audit log', () => {
  const { response } = respond(denied, { dryRun: true })
  assert.equal(response.allowed, false)
  assert.equal(response.auditAnnotations['dry-run'], 'true')
})

test('escape sequences from outside reach no terminal', () => {
  const { response } = respond(
    { ...denied, reason: 'by \u001b[2Jalice\u202e\u0000' },
    { actor: { username: 'a\nb\u001b', groups: [], authenticated: true } },
  )
  assert.equal(response.status.message, 'by \\u001b[2Jalice\\u202e\\u0000 (rule declared, id b6a7e7a11c2d)')
  assert.equal(response.auditAnnotations.actor, 'a\nb\\u001b')
})

test('a reason and names without end are cut', () => {
  const { response } = respond(
    { ...denied, reason: 'x'.repeat(1e6) },
    { actor: { username: 'u'.repeat(1e5), groups: [], authenticated: true } },
  )
  assert.ok(response.status.message.length < 10_000)
  assert.match(response.status.message, /… \(rule declared, id b6a7e7a11c2d\)$/)
  assert.equal(response.auditAnnotations.actor.length, 512)
})

test('an id is made of any uid, the same each time', () => {
  assert.equal(violationId('B6A7E7A1-1c2d-4000-8000-000000000001'), 'b6a7e7a11c2d')
  assert.match(violationId('"; drop'), /^[\da-f]{12}$/)
  assert.equal(violationId('x'), violationId('x'))
  assert.notEqual(violationId('x'), violationId('y'))
})
