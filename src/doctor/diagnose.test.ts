import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { policyOf } from '../policy/testing.ts'
import { diagnose } from './diagnose.ts'
import type { Facts, Rbac } from './facts.ts'

const now = Date.parse('2030-01-01T00:00:00Z')
const day = 24 * 3600_000

function factsOf(more: Partial<Facts> = {}): Facts {
  return {
    policy: policyOf([]),
    now,
    sourceNamespaces: ['shop'],
    customGroups: [],
    wanted: [],
    guard: { others: [], bundles: [] },
    git: [],
    plainSecrets: [],
    rewriters: [],
    writers: [],
    missingKinds: [],
    server: { version: 'v1.36.3', sharedControllerIdentity: false },
    unseen: [],
    ...more,
  }
}

const checks = (more: Partial<Facts>) =>
  diagnose(factsOf(more)).map(({ check, severity }) => `${severity} ${check}`)
const server = (more: Partial<Facts['server']>) => checks({ server: { ...factsOf().server, ...more } })

test('find nothing where nothing is wrong', () => assert.deepEqual(checks({}), []))

test('say what an old version lacks, and that a new one was not tried', () => {
  assert.deepEqual(server({ version: 'v1.28.0' }), ['critical version'])
  assert.deepEqual(server({ version: 'v1.31.9-gke.1' }), ['warning version'])
  assert.deepEqual(server({ version: 'v1.32.0' }), [])
  assert.deepEqual(server({ version: 'v1.33.0' }), ['info version'])
  assert.deepEqual(server({ version: 'v1.36.3', emulated: '1.33' }), ['info version'])
  assert.deepEqual(server({ version: 'v1.37.0' }), ['info version'])
})

test('notice clocks that are apart by more than answers can be', () => {
  assert.deepEqual(server({ skewMs: -4000 }), [])
  assert.deepEqual(server({ skewMs: -6000 }), ['warning clock'])
})

test('notice controllers under one identity, and admission from files that is not in force', () => {
  assert.deepEqual(server({ sharedControllerIdentity: true }), ['warning shared-identity'])
  assert.deepEqual(server({ staticManifests: false }), ['info static-manifests'])
  assert.deepEqual(server({ staticManifests: true }), [])
})

const webhook = (more: JsonObject = {}): KubeObject => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'gitops-guard' },
  webhooks: [
    {
      name: 'namespaced.gitops-guard.dev',
      failurePolicy: 'Fail',
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop'] }],
      },
      ...more,
    },
  ],
})
const admission = (live: KubeObject[]) => ({ validatingWebhooks: live, policies: [], bindings: [] })

test('find a webhook that is missing, empty or otherwise than wanted', () => {
  const live = (objects: KubeObject[]) => checks({ wanted: [webhook()], admission: admission(objects) })
  assert.deepEqual(live([webhook()]), [])
  assert.deepEqual(live([]), ['critical webhook-missing'])
  assert.deepEqual(live([{ ...webhook(), webhooks: [] }]), ['critical webhook-missing'])
  assert.deepEqual(live([webhook({ failurePolicy: 'Ignore' })]), ['critical webhook-failure-policy'])
  assert.deepEqual(live([webhook({ rules: [] })]), ['warning webhook-differs'])
})

test('find certificates that end, before they do', () => {
  const guard = (more: Partial<Facts['guard']>) =>
    checks({
      wanted: [webhook()],
      admission: admission([webhook()]),
      guard: { others: [], bundles: [], ...more },
    })
  assert.deepEqual(guard({ servingUntil: now + 20 * day }), [])
  assert.deepEqual(guard({ servingUntil: now + 3 * day }), ['warning certificate'])
  assert.deepEqual(guard({ servingUntil: now - 1 }), ['critical certificate'])
  const bundle = (notAfter: number[]) => guard({ bundles: [{ webhook: 'a', notAfter }] })
  // While the authority is renewed both are there.
  assert.deepEqual(bundle([now - 1, now + day]), [])
  assert.deepEqual(bundle([now - 1]), ['critical webhook-ca'])
})

const object = (kind: string, name: string, more: JsonObject, namespace?: string): KubeObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  ...more,
})

function rbacOf(subject: JsonObject, rule: JsonObject, namespace?: string): Rbac {
  const kind = namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding'
  const binding = object(
    kind,
    'b',
    { roleRef: { kind: 'ClusterRole', name: 'r' }, subjects: [subject] },
    namespace,
  )
  return {
    clusterRoles: [object('ClusterRole', 'r', { rules: [rule] })],
    clusterRoleBindings: namespace === undefined ? [binding] : [],
    roles: [],
    roleBindings: namespace === undefined ? [] : [binding],
    tokenSecrets: [],
  }
}

const all = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
const account = (namespace: string, name: string) => ({ kind: 'ServiceAccount', namespace, name })
const rbac = (...args: Parameters<typeof rbacOf>) =>
  diagnose(factsOf({ rbac: rbacOf(...args) })).map(({ severity, subject }) => `${severity} ${subject}`)

test('report who may do everything once, and trust agents, the guard and the control plane', () => {
  assert.deepEqual(rbac({ kind: 'Group', name: 'system:masters' }, all), ['info Group system:masters'])
  assert.deepEqual(rbac({ kind: 'User', name: 'alice' }, all), ['warning User alice'])
  assert.deepEqual(rbac(account('flux-system', 'kustomize-controller'), all), [])
  assert.deepEqual(rbac(account('gitops-guard', 'gitops-guard'), all), [])
  assert.deepEqual(rbac(account('kube-system', 'clusterrole-aggregation-controller'), all), [])
  assert.deepEqual(rbac({ kind: 'User', name: 'system:kube-scheduler' }, all), [])
  // A group that holds an agent holds others too, and any account may bear an agent's name elsewhere.
  assert.deepEqual(rbac({ kind: 'Group', name: 'system:serviceaccounts:flux-system' }, all), [
    'warning Group system:serviceaccounts:flux-system',
  ])
  assert.deepEqual(rbac(account('default', 'kustomize-controller'), all), [
    'warning User system:serviceaccount:default:kustomize-controller',
  ])
})

test('look at namespaces of agents and of the guard, and leave others alone', () => {
  const exec = { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }
  const dev = { kind: 'User', name: 'dev' }
  assert.deepEqual(rbac(dev, exec, 'flux-system'), ['warning User dev'])
  assert.deepEqual(rbac(dev, exec, 'gitops-guard'), ['warning User dev'])
  assert.deepEqual(rbac(dev, exec, 'shop'), [])
  assert.deepEqual(rbac(dev, { ...exec, resources: ['pods'] }, 'shop'), [])
})

test('one finding a subject, whatever the number of verbs and bindings', () => {
  const wide = { apiGroups: [''], resources: ['*'], verbs: ['*'] }
  const findings = diagnose(factsOf({ rbac: rbacOf({ kind: 'User', name: 'dev' }, wide) }))
  assert.equal(findings.length, 1)
  assert.match(findings[0]!.what, /impersonate any user.*request tokens.*change nodes/)
  assert.equal(findings[0]!.severity, 'critical')
})

test('name the rights that the guard lacks to bring a source in, and none that it has', () => {
  const role = (rules: JsonObject[]): KubeObject => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'guard' },
    rules,
  })
  const { username } = policyOf([]).guard
  const rbac = (rules: JsonObject[]): Rbac => ({
    clusterRoles: [role(rules)],
    clusterRoleBindings: [
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'guard' },
        roleRef: { kind: 'ClusterRole', name: 'guard' },
        subjects: [{ kind: 'User', name: username }],
      },
    ],
    roles: [],
    roleBindings: [],
    tokenSecrets: [],
  })
  const syncedKinds = [
    { source: 'shop', group: '', resource: 'configmaps', namespaces: ['shop'] },
    { source: 'shop', group: 'batch', resource: 'cronjobs', namespaces: ['shop'] },
  ]
  const all = ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete']
  const sync = (rules: JsonObject[]) =>
    diagnose(factsOf({ rbac: rbac(rules), syncedKinds })).filter(({ check }) => check === 'sync-rights')
  const [finding, ...more] = sync([
    { apiGroups: [''], resources: ['configmaps'], verbs: all },
    { apiGroups: ['batch'], resources: ['cronjobs'], verbs: all.slice(0, 6) },
  ])
  assert.deepEqual(more, [])
  assert.match(finding!.what, /may not delete cronjobs\.batch$/)
  assert.deepEqual(sync([{ apiGroups: ['', 'batch'], resources: ['*'], verbs: ['*'] }]), [])
})
