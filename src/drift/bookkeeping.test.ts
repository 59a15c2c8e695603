import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { formatPath } from '../object/path.ts'
import { bookkeepingOf } from './bookkeeping.ts'
import { compare } from './compare.ts'

const object = (
  apiVersion: string,
  kind: string,
  fields: JsonObject,
  metadata: JsonObject = {},
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'x', ...metadata },
  ...fields,
})
const shape = { fields: { spec: { fields: { volumes: { list: { keys: ['name'] } } } } } }

/** What is left as drift once the cluster's books are taken off. */
function left(manifest: KubeObject, live: KubeObject, stored = manifest): string[] {
  const canonical = { object: stored, generated: [], unattainable: [], method: 'probe' as const }
  const { changes } = compare(canonical, live, { shape, manifest, allowances: bookkeepingOf(manifest, live) })
  return changes.map(({ op, path }) => `${op} ${formatPath(path)}`)
}

test('no drift in a token Secret that was filled, and drift in a key more', () => {
  const type = 'kubernetes.io/service-account-token'
  const manifest = object('v1', 'Secret', { type })
  const data = { token: 'x', 'ca.crt': 'x', namespace: 'x' }
  assert.deepEqual(left(manifest, object('v1', 'Secret', { type, data })), [])
  assert.deepEqual(left(manifest, object('v1', 'Secret', { type, data: { ...data, extra: 'x' } })), [
    'add data.extra',
  ])
  assert.deepEqual(
    left(
      object('v1', 'Secret', { type: 'Opaque' }),
      object('v1', 'Secret', { type: 'Opaque', data: { token: 'x' } }),
    ),
    ['add data.token'],
  )
})

test('no drift in a claim that was bound, and drift where Git names the volume', () => {
  const claim = (spec: JsonObject, annotations: JsonObject = {}) =>
    object('v1', 'PersistentVolumeClaim', { spec }, { annotations })
  const bound = claim({ volumeName: 'pv' }, { 'pv.kubernetes.io/bind-completed': 'yes' })
  assert.deepEqual(
    left(claim({}), bound).filter((change) => change.startsWith('add')),
    [],
  )
  assert.deepEqual(
    left(claim({ volumeName: 'other' }, { a: 'b' }), claim({ volumeName: 'pv' }, { a: 'b' })),
    ['replace spec.volumeName'],
  )
})

test('no drift in a volume that was bound, and drift in one that somebody reserved or bound to another claim', () => {
  const volume = (claimRef: JsonObject) => object('v1', 'PersistentVolume', { spec: { size: 1, claimRef } })
  const free = object('v1', 'PersistentVolume', { spec: { size: 1 } })
  const claim = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'a', name: 'b' }
  const bound = { ...claim, uid: 'x', resourceVersion: '1' }
  assert.deepEqual(left(free, volume(bound)), [])
  assert.deepEqual(left(free, volume({ ...bound, fieldPath: 'x' })), ['add spec.claimRef.fieldPath'])
  assert.deepEqual(
    left(free, volume(claim)),
    ['kind', 'apiVersion', 'namespace', 'name'].map((field) => `add spec.claimRef.${field}`),
  )
  assert.deepEqual(left(volume({ namespace: 'a', name: 'b' }), volume(bound)), [])
  assert.deepEqual(left(volume({ namespace: 'a', name: 'c' }), volume(bound)), ['replace spec.claimRef.name'])
})

test('no drift in the rules of an aggregated ClusterRole, and drift in those of any other', () => {
  const role = (fields: JsonObject) => object('rbac.authorization.k8s.io/v1', 'ClusterRole', fields)
  const rules = [{ verbs: ['*'] }]
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] }
  assert.deepEqual(left(role({ aggregationRule }), role({ aggregationRule, rules })), [])
  assert.deepEqual(left(role({}), role({ rules })), ['add rules'])
  assert.deepEqual(left(role({ aggregationRule: null }), role({ aggregationRule: null, rules })), [
    'add rules',
  ])
})

test('drift in an annotation that restarts Pods or turns an agent off', () => {
  const deployment = (annotations: JsonObject) =>
    object('apps/v1', 'Deployment', {}, { annotations: { a: 'b', ...annotations } })
  const rogue = {
    'deployment.kubernetes.io/revision': '3',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'kubectl.kubernetes.io/restartedAt': 'now',
    'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
  }
  assert.deepEqual(left(deployment({}), deployment(rogue)), [
    'add metadata.annotations["kubectl.kubernetes.io/restartedAt"]',
    'add metadata.annotations["kustomize.toolkit.fluxcd.io/reconcile"]',
  ])
})

test('no drift in the token volume of a Pod, and drift in a host path that bears its name', () => {
  const pod = (volume: JsonObject) => object('v1', 'Pod', { spec: { volumes: [volume] } })
  const token = (name: string) => pod({ name, projected: { sources: [] } })
  const manifest = object('v1', 'Pod', { spec: {} })
  assert.deepEqual(left(manifest, token('kube-api-access-bbbbb'), token('kube-api-access-aaaaa')), [])
  assert.deepEqual(
    left(
      manifest,
      pod({ name: 'kube-api-access-evil', hostPath: { path: '/' } }),
      token('kube-api-access-aaaaa'),
    ),
    ['add spec.volumes[name=kube-api-access-evil]'],
  )
})

test('every line of the books names its fields in the grammar of allowances and gives its reason', () => {
  const kinds = [
    'apps/v1 Deployment',
    'apps/v1 DaemonSet',
    'v1 Pod',
    'v1 Namespace',
    'v1 ServiceAccount',
    'v1 PersistentVolume',
  ]
  for (const [apiVersion = '', kind = ''] of kinds.map((text) => text.split(' '))) {
    const live = object(apiVersion, kind, { spec: { claimRef: { uid: 'x' } } })
    const lines = bookkeepingOf(live, live)
    assert.ok(lines.length > 1, kind)
    for (const { reason, fields } of lines) assert.ok(reason !== '' && fields.length > 0)
  }
})
