import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UndeclaredMode } from '../../model/policy.ts'
import { judge } from '../judge.ts'
import { operatorPreset } from '../presets/operators.ts'
import { account, change, flux, object, person, policyOf, source, system, web } from '../testing.ts'

const policy = (undeclared: UndeclaredMode) => policyOf([{ policy: source({ undeclared }), objects: [web] }])
const stray = object('v1', 'ConfigMap', 'stray')
const create = (created: typeof stray, by = policy('deny'), actor = person()) =>
  judge(change('CREATE', actor, undefined, created), by)

test('allow, warn of or deny an object that Git does not hold, as its source says', () => {
  assert.equal(create(stray, policy('allow')).rule, 'not-managed')
  assert.deepEqual(
    [create(stray, policy('warn')).rule, create(stray, policy('warn')).decision],
    ['undeclared', 'warn'],
  )
  assert.equal(create(stray).decision, 'deny')
  assert.equal(judge(change('UPDATE', person(), stray, stray), policy('deny')).decision, 'deny')
})
test('allow to delete it: that is closer to Git', () => {
  assert.equal(judge(change('DELETE', person(), stray), policy('deny')).decision, 'allow')
})
test('take the strictest of several sources', () => {
  const both = policyOf([
    { policy: source(), objects: [web] },
    { policy: source({ name: 'b', undeclared: 'deny' }), objects: [object('v1', 'ConfigMap', 'b')] },
  ])
  assert.equal(create(stray, both).decision, 'deny')
})
test('leave other namespaces alone', () => {
  assert.equal(create(object('v1', 'ConfigMap', 'x', {}, { namespace: 'other' })).rule, 'not-managed')
})
test('allow the agent, system controllers and what appears by itself', () => {
  assert.equal(create(stray, policy('deny'), flux).decision, 'allow')
  assert.equal(
    create(object('v1', 'Pod', 'web-1'), policy('deny'), system('replicaset-controller')).decision,
    'allow',
  )
  const event = object('events.k8s.io/v1', 'Event', 'x')
  const lease = object('coordination.k8s.io/v1', 'Lease', 'x')
  for (const each of [event, lease, object('v1', 'ConfigMap', 'kube-root-ca.crt')]) {
    assert.equal(create(each).decision, 'allow')
  }
})
const owned = object(
  'v1',
  'Secret',
  'tls',
  {},
  {
    ownerReferences: [
      { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', name: 'tls', uid: '1', controller: true },
    ],
  },
)
test('allow a service account what has an owner, and deny a person the same', () => {
  assert.equal(create(owned, policy('deny'), account('cert-manager', 'cert-manager')).decision, 'allow')
  assert.equal(create(owned).decision, 'deny')
})
test('allow an operator what an allowance gives it', () => {
  const { allowances } = operatorPreset('external-secrets')!
  const by = policyOf([{ policy: source({ undeclared: 'deny' }), objects: [web] }], { allowances })
  const secret = object('v1', 'Secret', 'from-store', { data: { a: 'b' } })
  assert.equal(create(secret, by, account('external-secrets', 'external-secrets')).decision, 'allow')
  assert.equal(create(secret, by, account('shop', 'ci')).decision, 'deny')
})
const hpa = object('autoscaling/v2', 'HorizontalPodAutoscaler', 'mine', {
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } },
})
test('deny a person an autoscaler for a declared workload, whatever undeclared objects may do', () => {
  assert.equal(create(hpa, policy('allow')).decision, 'deny')
})
test('allow the autoscaler that Git declares', () => {
  assert.equal(create(hpa, policyOf([{ objects: [web, hpa] }])).rule, 'declared')
  assert.equal(create(hpa, policyOf([{ objects: [web, hpa] }])).decision, 'allow')
})
