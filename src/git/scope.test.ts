import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readManifests } from './manifests.ts'
import { placeManifests } from './scope.ts'
import type { Namespaced } from './scope.ts'
import { readDocuments } from './yaml.ts'

function manifests(...texts: string[]) {
  const { documents } = readDocuments(texts.join('\n---\n'), 'a.yaml')
  return readManifests(documents, { source: 's', file: 'a.yaml', revision: 'r' }).manifests
}

const object = (apiVersion: string, kind: string, name: string, namespace?: string) =>
  `{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {name: ${name}${namespace ? `, namespace: ${namespace}` : ''}}}`

const places = (texts: string[], namespace?: string, namespaced?: Namespaced) =>
  placeManifests(manifests(...texts), { source: 's', namespace, namespaced }).manifests.map(
    ({ ref, object: { metadata } }) => {
      assert.equal(metadata['namespace'] ?? '', ref.namespace)
      return ref.namespace
    },
  )

describe('a namespace', () => {
  test("is the manifest's own, else the source's, else default", () => {
    const texts = [object('v1', 'Secret', 'a', 'x'), object('apps/v1', 'Deployment', 'b')]
    assert.deepEqual(places(texts, 'shop'), ['x', 'shop'])
    assert.deepEqual(places(texts), ['x', 'default'])
  })

  test('is taken from a cluster-scoped object', () => {
    const texts = [
      object('v1', 'Namespace', 'a', 'x'),
      object('rbac.authorization.k8s.io/v1', 'ClusterRole', 'b'),
    ]
    assert.deepEqual(places(texts, 'shop'), ['', ''])
  })

  test("of an unknown kind is the source's, until discovery knows more", () => {
    const texts = [object('example.com/v1', 'Thing', 'a'), object('example.com/v1', 'Thing', 'b', 'x')]
    assert.deepEqual(places(texts, 'shop'), ['shop', 'x'])
    assert.deepEqual(places(texts), ['', 'x'])
    assert.deepEqual(
      places(texts, 'shop', () => false),
      ['', ''],
    )
    assert.deepEqual(
      places(texts, undefined, () => true),
      ['default', 'x'],
    )
  })

  test('of a kind whose definition is in the source goes by that', () => {
    const definition = (scope: string) =>
      `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: t}, spec: {group: example.com, scope: ${scope}, names: {kind: Thing}}}`
    const thing = object('example.com/v1', 'Thing', 'a')
    assert.deepEqual(places([thing, definition('Cluster')], 'shop'), ['', ''])
    assert.deepEqual(places([thing, definition('Namespaced')]), ['default', ''])
  })

  test('placed again with more knowledge is the same as placed once with it', () => {
    const all = manifests(object('example.com/v1', 'Thing', 'a'), object('example.com/v1', 'Thing', 'b', 'x'))
    for (const scope of [true, false]) {
      const placement = { source: 's', namespace: 'shop', namespaced: () => scope }
      const first = placeManifests(all, { source: 's', namespace: 'shop' }).manifests
      assert.deepEqual(placeManifests(first, placement), placeManifests(all, placement))
    }
  })

  test('changes the hash', () => {
    const all = manifests(object('v1', 'Secret', 'a'))
    const hash = (namespace: string) => placeManifests(all, { source: 's', namespace }).manifests[0]?.hash
    assert.notEqual(hash('x'), hash('y'))
    assert.equal(hash('x'), hash('x'))
  })
})

describe('an object declared twice', () => {
  test('counts as the last says, and a problem names both places', () => {
    const all = manifests(
      object('v1', 'Secret', 'a', 'x'),
      object('v1', 'Secret', 'b', 'x'),
      object('v1', 'Secret', 'a', 'x'),
    )
    const placed = placeManifests(all, { source: 's' })
    assert.deepEqual(
      placed.manifests.map(({ ref, origin }) => [ref.name, origin.line]),
      [
        ['b', 3],
        ['a', 5],
      ],
    )
    assert.equal(placed.problems.length, 1)
    assert.equal(placed.problems[0]?.line, 1)
    assert.match(placed.problems[0].message, /Secret x\/a is declared twice, here and in a\.yaml:5/)
  })

  test('is found when the namespace is only implied', () => {
    const all = manifests(object('v1', 'Secret', 'a', 'shop'), object('v1', 'Secret', 'a'))
    assert.equal(placeManifests(all, { source: 's', namespace: 'shop' }).problems.length, 1)
  })

  test('in two versions of its kind is one object', () => {
    const all = manifests(object('autoscaling/v1', 'X', 'a', 'ns'), object('autoscaling/v2', 'X', 'a', 'ns'))
    assert.equal(placeManifests(all, { source: 's' }).manifests.length, 1)
  })
})
