import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BreakGlass } from '../../model/policy.ts'
import { judge } from '../judge.ts'
import { change, edited, now, object, person, policyOf, web } from '../testing.ts'

const open: BreakGlass = {
  name: 'inc-42',
  namespace: 'shop',
  objects: [{ group: 'apps', kind: 'Deployment', name: 'web' }],
  reason: 'INC-42',
  openedBy: 'alice',
  expiresAt: now + 1000,
}
const api = edited(web, (copy) => void (copy.metadata['name'] = 'api'))
const role = object('rbac.authorization.k8s.io/v1', 'ClusterRole', 'reader', { rules: [] }, { namespace: '' })
const objects = [web, api, role]
const policy = policyOf([{ objects }], { breakGlass: [open] })
const whole = policyOf([{ objects }], { breakGlass: [{ ...open, objects: [] }] })
const changed = edited(web, (copy) => void (copy.metadata['labels'] = {}))

test('allow what an open exception names, and tell of it', () => {
  const verdict = judge(change('UPDATE', person(), web, changed), policy)
  assert.deepEqual([verdict.rule, verdict.decision, verdict.notable], ['break-glass', 'allow', true])
  assert.equal(verdict.source, 'shop')
  assert.match(verdict.reason, /INC-42/)
})
test('allow to delete and scale it', () => {
  assert.equal(judge(change('DELETE', person(), web), policy).rule, 'break-glass')
  assert.equal(
    judge(change('UPDATE', person(), web, changed, { subresource: 'scale' }), policy).rule,
    'break-glass',
  )
})
test('deny its neighbour', () =>
  assert.equal(judge(change('DELETE', person(), api), policy).decision, 'deny'))
test('allow the whole namespace where the exception names no objects', () => {
  assert.equal(judge(change('DELETE', person(), api), whole).rule, 'break-glass')
})
test('deny once it has ended', () => {
  const later = change('UPDATE', person(), web, changed, { time: now + 1000 })
  assert.equal(judge(later, policy).decision, 'deny')
})
test('deny what is in no namespace', () => {
  assert.equal(judge(change('DELETE', person(), role), whole).decision, 'deny')
})
test('deny another namespace', () => {
  const elsewhere = policyOf([{ objects }], { breakGlass: [{ ...open, objects: [], namespace: 'other' }] })
  assert.equal(judge(change('DELETE', person(), web), elsewhere).decision, 'deny')
})
test("deny an agent's identity whatever is open", () => {
  const token = object('v1', 'ServiceAccount', 'kustomize-controller', {}, { namespace: 'flux-system' })
  const flux = policyOf([{ objects }], { breakGlass: [{ ...open, objects: [], namespace: 'flux-system' }] })
  const verdict = judge(change('CREATE', person(), undefined, token, { subresource: 'token' }), flux)
  assert.deepEqual([verdict.rule, verdict.decision], ['agent-identity', 'deny'])
})
test("deny the guard's own objects whatever is open", () => {
  const own = object('v1', 'ConfigMap', 'gitops-guard', {}, { namespace: 'gitops-guard' })
  const guard = policyOf([{ objects }], { breakGlass: [{ ...open, objects: [], namespace: 'gitops-guard' }] })
  assert.equal(judge(change('DELETE', person(), own), guard).rule, 'guard-self')
})
test('judge an exception itself by its own rule', () => {
  const longer = object('gitops-guard.dev/v1alpha1', 'BreakGlass', 'x', {
    spec: { reason: 'x', expiresAt: '2099-01-01T00:00:00Z' },
  })
  assert.equal(judge(change('CREATE', person(), undefined, longer), whole).decision, 'deny')
})
