import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KubeObject } from '../model/json.ts'
import { noStamps, readStamps, stamped, stampsFor } from './stamps.ts'

const manifest: KubeObject = {
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
  spec: { b: '<x> & y', a: [1, { d: 1, c: null }] },
}
const live: KubeObject = {
  ...manifest,
  metadata: {
    ...manifest.metadata,
    labels: { app: 'web', 'kustomize.toolkit.fluxcd.io/name': 'shop', other: 'x' },
    annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/web', note: 'x' },
  },
}

it('read the agent’s stamps and nothing else', () => {
  assert.deepEqual(readStamps(live, manifest), {
    labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' },
    annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/web' },
    lastApplied: false,
  })
})

it('leave out what the manifest declares itself', () => {
  assert.deepEqual(readStamps(live, live), noStamps)
})

it('name the object in a tracking id read from a sibling', () => {
  const stamps = readStamps(live, manifest)
  const id = (ref: Parameters<typeof stampsFor>[1]) =>
    stampsFor(stamps, ref).annotations['argocd.argoproj.io/tracking-id']
  assert.equal(id({ group: '', kind: 'Service', namespace: 'pay', name: 'api' }), 'shop:/Service:pay/api')
  const role = { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '', name: 'r' }
  assert.equal(id(role), 'shop:rbac.authorization.k8s.io/ClusterRole:shop/r')
})

it('write last-applied as kubectl does', () => {
  const object = stamped(manifest, { ...noStamps, lastApplied: true })
  assert.equal(
    (object.metadata['annotations'] as { [key: string]: string })[
      'kubectl.kubernetes.io/last-applied-configuration'
    ],
    '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"labels":{"app":"web"},' +
      '"name":"web","namespace":"shop"},"spec":{"a":[1,{"c":null,"d":1}],"b":"\\u003cx\\u003e \\u0026 y"}}\n',
  )
  assert.equal(manifest.metadata['annotations'], undefined)
})
