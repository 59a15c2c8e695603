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
test('deny a person labels and owners by way of the status, and leave the status alone', () => {
  const status = edited(pod, (copy) => void (copy['status'] = { phase: 'Failed' }))
  const unlabelled = edited(status, (copy) => void (copy.metadata['labels'] = { app: 'other' }))
  const disowned = edited(status, (copy) => void delete copy.metadata['ownerReferences'])
  const decide = (after: typeof pod) =>
    judge(change('UPDATE', person(), pod, after, { subresource: 'status' }), policy).decision
  assert.deepEqual([status, unlabelled, disowned].map(decide), ['allow', 'deny', 'deny'])
})
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

const shop = policyOf([
  {
    objects: [
      object('v1', 'Service', 'web', { spec: { selector: { app: 'web' } } }),
      object('apps/v1', 'Deployment', 'api', { spec: { selector: { matchLabels: { app: 'api' } } } }),
      object('apps/v1', 'StatefulSet', 'db', {
        spec: { volumeClaimTemplates: [{ metadata: { name: 'data' } }] },
      }),
      object('v1', 'PersistentVolumeClaim', 'photos', { spec: {} }),
    ],
  },
])
const labelled = (labels: JsonObject) => object('v1', 'Pod', 'hers', { spec: {} }, { labels })
const hers = (labels: JsonObject) =>
  object('apps/v1', 'Deployment', 'hers', { spec: { template: { metadata: { labels } } } })

test('deny a person a Pod, or what makes Pods, that declared objects take for their own by labels', () => {
  const taken = [labelled({ app: 'web', x: 'y' }), labelled({ app: 'api' }), hers({ app: 'web' })]
  const cronJob = object('batch/v1', 'CronJob', 'hers', {
    spec: { jobTemplate: { spec: { template: { metadata: { labels: { app: 'web' } } } } } },
  })
  for (const made of [...taken, cronJob]) {
    const verdict = judge(change('CREATE', person(), undefined, made), shop)
    assert.deepEqual([verdict.rule, verdict.decision], ['children', 'deny'], made.kind)
    assert.match(verdict.reason, /by its labels (Service|Deployment) shop\/(web|api) would/)
    assert.equal(judge(change('CREATE', account('x', 'operator'), undefined, made), shop).decision, 'allow')
  }
})
test('deny a person to label a Pod so later, and allow one whose labels say nothing', () => {
  const before = labelled({ app: 'mine' })
  assert.equal(judge(change('CREATE', person(), undefined, before), shop).decision, 'allow')
  assert.equal(judge(change('UPDATE', person(), before, labelled({ app: 'web' })), shop).decision, 'deny')
  const old = hers({ app: 'web' })
  const edit = edited(old, (copy) => void ((copy['spec'] as JsonObject)['replicas'] = 3))
  assert.equal(judge(change('UPDATE', person(), old, edit), shop).decision, 'allow')
  assert.equal(judge(change('CREATE', person(), undefined, hers({ app: 'mine' })), shop).decision, 'allow')
})
test('deny a person to delete the volumes of a declared StatefulSet, and allow to resize them', () => {
  const claim = (name: string) => object('v1', 'PersistentVolumeClaim', name, { spec: { size: 1 } })
  const volume = (name: string) =>
    object(
      'v1',
      'PersistentVolume',
      'pv-1',
      { spec: { claimRef: { namespace: 'shop', name } } },
      { namespace: '' },
    )
  for (const each of [claim('data-db-0'), volume('data-db-12'), volume('photos')])
    assert.equal(judge(change('DELETE', person(), each), shop).rule, 'children', each.kind)
  for (const each of [claim('data-db'), claim('other-db-0'), claim('data-db2-0'), volume('hers')])
    assert.equal(judge(change('DELETE', person(), each), shop).decision, 'allow')
  const bigger = edited(claim('data-db-0'), (copy) => void (copy['spec'] = { size: 2 }))
  assert.equal(judge(change('UPDATE', person(), claim('data-db-0'), bigger), shop).decision, 'allow')
})
test('deny a person to bind a Pod to a node where Git declares workloads', () => {
  const binding = object('v1', 'Binding', 'web-5d4f8-x2', { target: { kind: 'Node', name: 'n' } })
  const ref = { group: '', kind: 'Pod', namespace: 'shop', name: 'web-5d4f8-x2' }
  const through = (actor: ReturnType<typeof person>) => [
    judge({ ...change('CREATE', actor, undefined, binding, { subresource: 'binding' }), ref }, policy),
    judge(
      {
        ...change('CREATE', actor, undefined, binding),
        resource: { group: '', version: 'v1', resource: 'bindings' },
      },
      policy,
    ),
  ]
  for (const verdict of through(person()))
    assert.deepEqual([verdict.rule, verdict.decision], ['children', 'deny'])
  for (const verdict of through(account('sched', 'scheduler'))) assert.equal(verdict.decision, 'allow')
})
