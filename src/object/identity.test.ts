import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRef, groupOf, refKey, refOf, versionOf } from './identity.ts'

test('group and version of an apiVersion', () => {
  assert.deepEqual([groupOf('apps/v1'), versionOf('apps/v1')], ['apps', 'v1'])
  assert.deepEqual([groupOf('v1'), versionOf('v1')], ['', 'v1'])
})

test('the same object at any version has one key, another object another', () => {
  const at = (apiVersion: string, name = 'web', namespace?: string) =>
    refKey(
      refOf({
        apiVersion,
        kind: 'HorizontalPodAutoscaler',
        metadata: namespace === undefined ? { name } : { name, namespace },
      }),
    )
  assert.equal(at('autoscaling/v1'), at('autoscaling/v2'))
  assert.notEqual(at('autoscaling/v2', 'web', 'a'), at('autoscaling/v2', 'web', 'b'))
  assert.notEqual(at('autoscaling/v2', 'web', 'a'), at('autoscaling/v2', 'aweb'))
})

test('the group is shown where the kind alone could mislead', () => {
  const ref = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
  assert.equal(formatRef(ref), 'Deployment shop/web')
  assert.equal(formatRef({ ...ref, group: '', kind: 'Service' }), 'Service shop/web')
  assert.equal(
    formatRef({ ...ref, group: 'serving.knative.dev', kind: 'Service' }),
    'Service.serving.knative.dev shop/web',
  )
  assert.equal(
    formatRef({ group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '', name: 'a\u001b' }),
    'ClusterRole a\\u001b',
  )
})
