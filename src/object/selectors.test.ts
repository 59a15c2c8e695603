import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selects } from './selectors.ts'

const deployment = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
const service = { group: '', kind: 'Service', namespace: 'shop', name: 'web' }
const role = { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '', name: 'reader' }

test('select by group and kind', () => {
  const chosen = (kinds: string[]) => [deployment, service, role].map((ref) => selects({ kinds }, ref))
  assert.deepEqual(chosen(['apps/Deployment']), [true, false, false])
  assert.deepEqual(chosen(['Service']), [false, true, false])
  assert.deepEqual(chosen(['*']), [true, true, true])
  assert.deepEqual(chosen(['apps/*']), [true, false, false])
  assert.deepEqual(chosen(['*/ClusterRole']), [false, false, true])
  assert.deepEqual(chosen(['Deployment']), [false, false, false])
  assert.deepEqual(chosen(['*e']), [false, true, false])
  assert.deepEqual(chosen([]), [false, false, false])
})

test('select by namespace and name, all of them where nothing is said', () => {
  assert.equal(selects({}, role), true)
  assert.equal(selects({ namespaces: ['shop*'], names: ['w*b'] }, deployment), true)
  assert.equal(selects({ namespaces: ['other'] }, deployment), false)
  assert.equal(selects({ names: ['we'] }, deployment), false)
  assert.equal(selects({ namespaces: ['*'] }, role), true)
})
