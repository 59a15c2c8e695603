import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Manifest } from '../model/desired.ts'
import type { JsonObject } from '../model/json.ts'
import { guardedOf, type DeclaringSource } from './install-guarded.ts'

const served = [
  info('apps', 'Deployment', 'deployments'),
  info('', 'Pod', 'pods'),
  { ...info('', 'Node', 'nodes'), namespaced: false },
  { ...info('', 'Binding', 'bindings'), verbs: ['create'] },
]
const kinds = {
  resourceFor: (group: string, kind: string) =>
    served.find((one) => one.group === group && one.kind === kind),
  resources: () => served,
}

test('name the resources of declared kinds, and those that nobody knows', () => {
  const { guarded, unknown } = guardedOf(
    [source([manifest('apps/v1', 'Deployment'), manifest('a.b/v1', 'Odd')])],
    kinds,
  )
  assert.deepEqual(guarded, { resources: [{ group: 'apps', resource: 'deployments', recreate: false }] })
  assert.deepEqual(unknown, ['a.b/Odd'])
})

test('know a kind by the CRD that Git declares beside it', () => {
  const crd = manifest('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
    spec: { group: 'a.b', names: { kind: 'Odd', plural: 'odds' } },
  })
  const { guarded, unknown } = guardedOf([source([manifest('a.b/v1', 'Odd')]), source([crd])], kinds)
  assert.ok(guarded.resources.some(({ group, resource }) => group === 'a.b' && resource === 'odds'))
  assert.deepEqual(unknown, ['apiextensions.k8s.io/CustomResourceDefinition'])
})

test('see all that can be listed in namespaces where undeclared objects matter, delete them where they are denied', () => {
  const all = guardedOf([source([]), { ...source([]), undeclared: 'warn' }], kinds).guarded.undeclared
  assert.deepEqual(
    all?.resources.map(({ resource }) => resource),
    ['deployments', 'pods'],
  )
  assert.equal(all?.remove, false)
  assert.equal(guardedOf([{ ...source([]), undeclared: 'deny' }], kinds).guarded.undeclared?.remove, true)
  assert.equal(guardedOf([source([])], kinds).guarded.undeclared, undefined)
})

test('delete what a source lets the guard create again, and what it syncs', () => {
  const declared = [manifest('apps/v1', 'Deployment')]
  for (const more of [{ recreate: true }, { sync: true }])
    assert.equal(guardedOf([{ ...source(declared), ...more }], kinds).guarded.resources[0]?.recreate, true)
})

function info(group: string, kind: string, resource: string) {
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']
  return { group, version: 'v1', kind, resource, namespaced: true, verbs, subresources: [] }
}

function source(manifests: Manifest[]): DeclaringSource {
  return { undeclared: 'allow', recreate: false, sync: false, manifests }
}

function manifest(apiVersion: string, kind: string, more: JsonObject = {}): Manifest {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0]! : ''
  return {
    ref: { group, kind, namespace: 'shop', name: 'x' },
    object: { apiVersion, kind, metadata: { name: 'x' }, ...more },
    origin: { file: 'x.yaml', line: 1, revision: '0' },
    hash: '',
  }
}
