import assert from 'node:assert/strict'
import { it } from 'node:test'
import { collectionPath, objectPath, queryText } from './api-path.ts'

const deployments = {
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  kind: 'Deployment',
  namespaced: true,
}
const roles = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
}

it('name collections, objects and subresources', () => {
  assert.equal(collectionPath(deployments), '/apis/apps/v1/deployments')
  assert.equal(collectionPath(deployments, 'shop'), '/apis/apps/v1/namespaces/shop/deployments')
  assert.equal(
    objectPath(deployments, { namespace: 'shop', name: 'web', subresource: 'scale' }),
    '/apis/apps/v1/namespaces/shop/deployments/web/scale',
  )
  const core = { ...deployments, group: '', resource: 'pods' }
  assert.equal(objectPath(core, { namespace: 'shop', name: 'web' }), '/api/v1/namespaces/shop/pods/web')
})

it('leave the namespace of a cluster-scoped object out, and keep the colons of its name', () => {
  assert.equal(
    objectPath(roles, { namespace: 'shop', name: 'system:foo bar' }),
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:foo%20bar',
  )
})

it('refuse names that lead elsewhere', () => {
  for (const name of ['..', '.', ''])
    assert.throws(() => objectPath(deployments, { namespace: 'shop', name }), /path segment/)
  assert.equal(objectPath(roles, { name: 'a/../b?x' }).split('/').length, 6)
})

it('write only what is given into a query', () => {
  assert.equal(queryText({}), '')
  assert.equal(queryText({ a: undefined, b: '' }), '')
  assert.equal(
    queryText({ dryRun: 'All', limit: 5, watch: true, x: 'a&b' }),
    '?dryRun=All&limit=5&watch=true&x=a%26b',
  )
})
