import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../model/json.ts'
import { guardingObjects } from '../guard-objects.ts'
import { judge } from '../judge.ts'
import {
  account,
  change,
  edited,
  flux,
  node,
  now,
  object,
  person,
  policyOf,
  source,
  system,
  web,
} from '../testing.ts'

const policy = policyOf([{ objects: [web] }])
const own = { namespace: 'gitops-guard' }
const cluster = { namespace: '' }
const parts = [
  object('apps/v1', 'Deployment', 'gitops-guard', { spec: { replicas: 2 } }, own),
  object('v1', 'Pod', 'gitops-guard-abc', {}, own),
  object('v1', 'Secret', 'gitops-guard-tls', {}, own),
  object('v1', 'ConfigMap', 'gitops-guard', {}, own),
  object('v1', 'Service', 'gitops-guard', {}, own),
  object('discovery.k8s.io/v1', 'EndpointSlice', 'gitops-guard-x', {}, own),
  object('coordination.k8s.io/v1', 'Lease', 'gitops-guard', {}, own),
  object('v1', 'Namespace', 'gitops-guard', {}, cluster),
  object('rbac.authorization.k8s.io/v1', 'ClusterRole', 'gitops-guard', {}, cluster),
  object('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'gitops-guard', {}, cluster),
  object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'breakglasses.gitops-guard.dev', {}, cluster),
  object('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'gitops-guard', {}, cluster),
]
for (const part of parts) {
  test(`deny a person to change or delete the guard's ${part.kind}`, () => {
    const after = edited(part, (copy) => void (copy['spec'] = { replicas: 0 }))
    assert.equal(
      judge(change('UPDATE', person('root', 'system:masters'), part, after), policy).rule,
      'guard-self',
    )
    assert.equal(judge(change('UPDATE', person(), part, after), policy).decision, 'deny')
    assert.equal(judge(change('DELETE', person(), part), policy).decision, 'deny')
    assert.equal(judge(change('DELETE', account('shop', 'ci'), part), policy).decision, 'deny')
  })
}
const [deployment, pod] = parts as [(typeof parts)[0], (typeof parts)[0]]
for (const subresource of ['exec', 'attach', 'portforward', 'proxy']) {
  test(`deny ${subresource} into the guard's Pods`, () => {
    const verdict = judge(change('CONNECT', person(), undefined, pod, { subresource }), policy)
    assert.deepEqual([verdict.rule, verdict.decision], ['guard-self', 'deny'])
  })
}
test('let people look at what the guard serves on its HTTP port, and at no other port', () => {
  const proxy = (name: string, kind: string) =>
    judge(
      change('CONNECT', person(), undefined, object('v1', kind, name, {}, { namespace: 'gitops-guard' }), {
        subresource: 'proxy',
      }),
      policy,
    ).decision
  assert.equal(proxy('gitops-guard:http', 'Service'), 'allow')
  assert.equal(proxy('gitops-guard-5d9f:8080', 'Pod'), 'allow')
  for (const name of [
    'gitops-guard',
    'https:gitops-guard:webhook',
    'https:gitops-guard:http',
    'gitops-guard:9443',
  ])
    assert.equal(proxy(name, 'Service'), 'deny', name)
})
test('deny kubectl scale of the guard', () => {
  const verdict = judge(change('UPDATE', person(), deployment, deployment, { subresource: 'scale' }), policy)
  assert.deepEqual([verdict.rule, verdict.decision], ['guard-self', 'deny'])
})
test("leave the guard's own namespace alone elsewhere: a namespace of another name", () => {
  const other = object('v1', 'ConfigMap', 'gitops-guard', {}, { namespace: 'gitops-guard-2' })
  assert.equal(judge(change('DELETE', person(), other), policy).rule, 'not-managed')
})
test('let system controllers run its Pods', () => {
  assert.equal(
    judge(change('CREATE', system('replicaset-controller'), undefined, pod), policy).decision,
    'allow',
  )
  assert.equal(judge(change('DELETE', node(), pod), policy).decision, 'allow')
})
test('deny a controller to delete what is no part of its job', () => {
  const verdict = judge(change('DELETE', system('generic-garbage-collector'), deployment), policy)
  assert.deepEqual([verdict.rule, verdict.decision], ['system-controller', 'deny'])
})
test('let its disruption budget decide on evictions, and tell of those by people', () => {
  const verdict = judge(change('CREATE', person(), undefined, pod, { subresource: 'eviction' }), policy)
  assert.deepEqual([verdict.decision, verdict.notable], ['allow', true])
})
test('let an agent bring the guard in', () => {
  assert.equal(judge(change('UPDATE', flux, deployment, deployment), policy).rule, 'agent')
})
test('enforce where any source enforces, and only audit where all is audit', () => {
  const mixed = policyOf([{ policy: source({ mode: 'audit' }), objects: [web] }], { mode: 'enforce' })
  assert.equal(judge(change('DELETE', person(), deployment), mixed).decision, 'deny')
  const audit = policyOf([{ policy: source({ mode: 'audit' }), objects: [web] }], { mode: 'audit' })
  const verdict = judge(change('DELETE', person(), deployment), audit)
  assert.deepEqual([verdict.decision, verdict.enforced], ['allow', 'deny'])
})

const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString()
const exception = (spec: JsonObject, namespace = 'shop') =>
  object('gitops-guard.dev/v1alpha1', 'BreakGlass', 'inc-42', { spec }, { namespace })
const good = { reason: 'INC-42', expiresAt: at(30) }
const open = (spec: JsonObject, actor = person(), namespace?: string) =>
  judge(change('CREATE', actor, undefined, exception(spec, namespace)), policy)

test('allow a person to open an exception, and tell of it', () => {
  const verdict = open(good)
  assert.deepEqual([verdict.rule, verdict.decision, verdict.notable], ['break-glass', 'allow', true])
  assert.match(
    verdict.reason,
    /alice opened an exception BreakGlass.gitops-guard.dev shop\/inc-42 for everything in namespace shop/,
  )
})
test('deny an exception without a reason', () =>
  assert.equal(open({ ...good, reason: ' ' }).decision, 'deny'))
test('deny an exception without an end, or with one that is no time', () => {
  assert.equal(open({ reason: 'x' }).decision, 'deny')
  assert.equal(open({ reason: 'x', expiresAt: 'tomorrow' }).decision, 'deny')
})
test('deny an exception that ends later than a day from now', () => {
  assert.equal(open({ ...good, expiresAt: at(24 * 60 + 1) }).decision, 'deny')
})
test('deny an exception that has ended already', () => {
  assert.equal(open({ ...good, expiresAt: at(-1) }).decision, 'deny')
})
test('deny a service account to open one', () => {
  assert.equal(open(good, account('shop', 'ci')).decision, 'deny')
})
test("deny one for the guard's own namespace", () => {
  assert.equal(open(good, person(), 'gitops-guard').decision, 'deny')
})
const guarding = guardingObjects(policy).map(({ kind, name }) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind,
  name,
}))
const within = (name: string, spec: JsonObject, actor = person()) => {
  const after = object('gitops-guard.dev/v1alpha1', 'BreakGlass', name, { spec }, own)
  return judge(change('CREATE', actor, undefined, after), policy)
}
test('allow a person to ask the guard to step down, by naming exactly what guards', () => {
  const verdict = within('uninstall', { ...good, objects: guarding })
  assert.deepEqual([verdict.rule, verdict.decision, verdict.notable], ['break-glass', 'allow', true])
})
test('deny it where it names less, more or nothing, and to service accounts', () => {
  assert.equal(within('uninstall', { ...good, objects: guarding.slice(1) }).decision, 'deny')
  const more = [...guarding, { apiVersion: 'v1', kind: 'Secret', name: 'gitops-guard-tls' }]
  assert.equal(within('uninstall', { ...good, objects: more }).decision, 'deny')
  assert.equal(within('uninstall', good).decision, 'deny')
  assert.equal(within('uninstall', { ...good, objects: guarding }, account('ops', 'ci')).decision, 'deny')
})
test('allow whoever opened the exception upgrade to change the guard, and nobody else, until it ends', () => {
  assert.equal(within('upgrade', good).decision, 'allow')
  assert.equal(within('upgrade', { ...good, objects: guarding }).decision, 'deny')
  const upgrade = {
    ...{ name: 'upgrade', namespace: 'gitops-guard', objects: [], reason: 'to 2.0', openedBy: 'alice' },
    expiresAt: now + 60_000,
  }
  const during = policyOf([{ objects: [web] }], { breakGlass: [upgrade] })
  const verdict = judge(change('UPDATE', person(), deployment, deployment), during)
  assert.deepEqual([verdict.rule, verdict.decision, verdict.notable], ['break-glass', 'allow', true])
  assert.equal(judge(change('UPDATE', person('bob'), deployment, deployment), during).decision, 'deny')
  assert.equal(
    judge(change('CONNECT', person(), undefined, pod, { subresource: 'exec' }), during).decision,
    'deny',
  )
  const later = policyOf([{ objects: [web] }], { breakGlass: [{ ...upgrade, expiresAt: now }] })
  assert.equal(judge(change('UPDATE', person(), deployment, deployment), later).decision, 'deny')
})
test('allow to renew by hours and deny by days', () => {
  const renewed = (minutes: number) =>
    judge(change('UPDATE', person(), exception(good), exception({ ...good, expiresAt: at(minutes) })), policy)
  assert.equal(renewed(120).decision, 'allow')
  assert.equal(renewed(99_999).decision, 'deny')
})
test('allow to close one', () => {
  assert.equal(judge(change('DELETE', person(), exception(good)), policy).decision, 'allow')
})
test('deny people to write its status', () => {
  const verdict = judge(
    change('UPDATE', person(), exception(good), exception(good), { subresource: 'status' }),
    policy,
  )
  assert.equal(verdict.decision, 'deny')
})

const schema = (subject: JsonObject, matchingPrecedence = 5, level = 'catch-all') =>
  object(
    'flowcontrol.apiserver.k8s.io/v1',
    'FlowSchema',
    'aaa',
    {
      spec: {
        matchingPrecedence,
        priorityLevelConfiguration: { name: level },
        rules: [{ subjects: [subject] }],
      },
    },
    { namespace: '' },
  )
const group = (name: string): JsonObject => ({ kind: 'Group', group: { name } })
test("deny a person a FlowSchema that takes over the guard's requests", () => {
  const subjects = [
    { kind: 'ServiceAccount', serviceAccount: { namespace: 'gitops-guard', name: '*' } },
    { kind: 'User', user: { name: 'system:serviceaccount:gitops-guard:gitops-guard' } },
    group('system:serviceaccounts'),
    group('system:authenticated'),
  ]
  const policy = policyOf([{ objects: [web] }])
  for (const subject of subjects) {
    const verdict = judge(change('CREATE', person(), undefined, schema(subject)), policy)
    assert.deepEqual([verdict.rule, verdict.decision], ['guard-self', 'deny'])
  }
  const harmless = [
    schema(subjects[0]!, 2000),
    schema(subjects[0]!, 5, 'exempt'),
    schema(group('system:serviceaccounts:elsewhere')),
    schema({ kind: 'User', user: { name: 'alice' } }),
  ]
  for (const each of harmless)
    assert.equal(judge(change('CREATE', person(), undefined, each), policy).decision, 'allow')
  const there = schema(subjects[0]!)
  assert.equal(judge(change('UPDATE', person(), there, there), policy).decision, 'allow')
})
