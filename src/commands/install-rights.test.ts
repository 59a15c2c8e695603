import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guardedKindsRules } from './install-rights.ts'

const deployment = { group: 'apps', resource: 'deployments', recreate: false }
const keep = ['get', 'list', 'watch', 'create', 'update', 'patch']

test('grant no delete where nothing is ever deleted', () => {
  assert.deepEqual(guardedKindsRules({ resources: [deployment, deployment] }), [
    { apiGroups: ['apps'], resources: ['deployments'], verbs: keep },
  ])
})

test('grant delete only on what may be created again', () => {
  const job = { group: 'batch', resource: 'jobs', recreate: true }
  const cron = { group: 'batch', resource: 'cronjobs', recreate: false }
  assert.deepEqual(guardedKindsRules({ resources: [cron, job, { ...job, recreate: false }] }), [
    { apiGroups: ['batch'], resources: ['cronjobs'], verbs: keep },
    { apiGroups: ['batch'], resources: ['jobs'], verbs: [...keep, 'delete'] },
  ])
})

test('grant escalate and bind only where roles and bindings are declared', () => {
  const group = 'rbac.authorization.k8s.io'
  const privileges = (...resources: string[]) =>
    guardedKindsRules({
      resources: resources.map((resource) => ({ group, resource, recreate: false })),
    }).slice(1)
  assert.deepEqual(privileges('roles'), [{ apiGroups: [group], resources: ['roles'], verbs: ['escalate'] }])
  assert.deepEqual(privileges('clusterrolebindings'), [
    { apiGroups: [group], resources: ['clusterroles'], verbs: ['bind'] },
  ])
  assert.deepEqual(privileges('rolebindings'), [
    { apiGroups: [group], resources: ['clusterroles', 'roles'], verbs: ['bind'] },
  ])
})

test('see what Git does not hold kind by kind, and delete it only where it is denied', () => {
  const resources = [
    { group: '', resource: 'pods' },
    { group: 'apps', resource: 'deployments' },
  ]
  const rules = (remove: boolean) => guardedKindsRules({ resources: [], undeclared: { resources, remove } })
  assert.deepEqual(rules(false), [
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'watch'] },
  ])
  assert.deepEqual(rules(true)[0]?.verbs, ['get', 'list', 'watch', 'delete'])
  assert.ok(!JSON.stringify(rules(true)).includes('*'))
})
