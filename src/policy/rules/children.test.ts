import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../model/json.ts'
import { judge } from '../judge.ts'
import { account, change, edited, object, person, policyOf, source, web } from '../testing.ts'

const cron = object('batch/v1', 'CronJob', 'nightly', { spec: { schedule: '@daily' } })
const service = object('v1', 'Service', 'web', { spec: {} })
const policy = policyOf([{ objects: [web, cron, service] }])
const ownedBy = (apiVersion: string, kind: string, name: string) => ({
  ownerReferences: [{ apiVersion, kind, name, uid: '1', controller: true }],
})
const children = {
  'a ReplicaSet of a Deployment': object(
    'apps/v1',
    'ReplicaSet',
    'web-5d4f8',
    {},
    ownedBy('apps/v1', 'Deployment', 'web'),
  ),
  'a Pod of a Deployment': object(
    'v1',
    'Pod',
    'web-5d4f8-x2',
    {},
    ownedBy('apps/v1', 'ReplicaSet', 'web-5d4f8'),
  ),
  'a Job of a CronJob': object(
    'batch/v1',
    'Job',
    'nightly-28',
    {},
    ownedBy('batch/v1', 'CronJob', 'nightly'),
  ),
  'a Pod of a CronJob': object('v1', 'Pod', 'nightly-28-x2', {}, ownedBy('batch/v1', 'Job', 'nightly-28')),
  'an EndpointSlice of a Service': object(
    'discovery.k8s.io/v1',
    'EndpointSlice',
    'web-x',
    {},
    ownedBy('v1', 'Service', 'web'),
  ),
}
for (const [name, child] of Object.entries(children)) {
  const after = edited(child, (copy) => void (copy['spec'] = { changed: true }))
  test(`deny a person to change or delete ${name}`, () => {
    const verdict = judge(change('UPDATE', person(), child, after), policy)
    assert.deepEqual([verdict.rule, verdict.decision, verdict.source], ['children', 'deny', 'shop'])
    assert.equal(judge(change('DELETE', person(), child), policy).rule, 'children')
  })
  test(`allow a service account to change or delete ${name}`, () => {
    assert.equal(judge(change('UPDATE', account('x', 'operator'), child, after), policy).decision, 'allow')
    assert.equal(judge(change('DELETE', account('x', 'operator'), child), policy).decision, 'allow')
  })
}
const pod = children['a Pod of a Deployment']
test('deny a person to debug or resize a Pod of a declared owner', () => {
  for (const subresource of ['ephemeralcontainers', 'resize']) {
    const after = edited(pod, (copy) => void (copy['spec'] = { ephemeralContainers: [{ name: 'd' }] }))
    assert.equal(judge(change('UPDATE', person(), pod, after, { subresource }), policy).decision, 'deny')
  }
})
test('deny a person to scale a ReplicaSet of a declared Deployment, whose Scale names no owner', () => {
  const scale = {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'web-5d4f8' },
    spec: { replicas: 9 },
  }
  const asked = {
    ...change('UPDATE', person(), children['a ReplicaSet of a Deployment'], undefined, {
      subresource: 'scale',
    }),
    before: scale,
    after: scale,
  }
  assert.equal(judge(asked, policy).rule, 'children')
})
test('deny a person to make a child of a declared owner', () => {
  assert.equal(judge(change('CREATE', person(), undefined, pod), policy).rule, 'children')
})
test('deny a person to take the owner off a Pod', () => {
  const orphan = edited(pod, (copy) => void delete (copy.metadata as JsonObject)['ownerReferences'])
  assert.equal(judge(change('UPDATE', person(), pod, orphan), policy).rule, 'children')
})
test('leave the status of a child alone', () => {
  assert.equal(
    judge(change('UPDATE', person(), pod, pod, { subresource: 'status' }), policy).decision,
    'allow',
  )
})
test('leave children of what Git does not declare alone', () => {
  const other = object('v1', 'Pod', 'api-1-2', {}, ownedBy('apps/v1', 'ReplicaSet', 'api-1'))
  assert.equal(judge(change('DELETE', person(), other), policy).decision, 'allow')
})
const evict = (actor = person(), by = policy) => {
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'web-5d4f8-x2', namespace: 'shop' },
  }
  const ref = { group: '', kind: 'Pod', namespace: 'shop', name: 'web-5d4f8-x2' }
  return judge({ ...change('CREATE', actor, undefined, eviction, { subresource: 'eviction' }), ref }, by)
}
test('deny a person to evict where Git declares workloads, and allow service accounts', () => {
  assert.deepEqual([evict().rule, evict().decision], ['children', 'deny'])
  assert.equal(evict(account('kube-system', 'cluster-autoscaler')).decision, 'allow')
  assert.equal(evict(person(), policyOf([{ objects: [service] }])).decision, 'allow')
})
test('warn or allow where the configuration says so', () => {
  const by = (children: 'allow' | 'warn') => policyOf([{ objects: [web] }], { children })
  assert.equal(judge(change('DELETE', person(), pod), by('warn')).decision, 'warn')
  assert.equal(judge(change('DELETE', person(), pod), by('allow')).decision, 'allow')
  const audit = policyOf([{ policy: source({ mode: 'audit' }), objects: [web] }])
  assert.equal(judge(change('DELETE', person(), pod), audit).decision, 'allow')
})
