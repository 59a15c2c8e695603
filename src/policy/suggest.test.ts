import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Path, FieldOp } from '../model/path.ts'
import type { WrittenField } from '../model/writer.ts'
import { suggest } from './suggest.ts'

const user = 'system:serviceaccount:ops:updater'
const container = (name: string, field: string): Path => [
  'spec',
  'template',
  'spec',
  'containers',
  { keys: { name }, index: 0 },
  field,
]

function wrote(path: Path, more: Partial<WrittenField> = {}, names = ['web']): WrittenField {
  return {
    user,
    kind: 'apps/Deployment',
    path,
    op: 'replace' as FieldOp,
    rule: 'declared',
    count: 2,
    first: 1000,
    last: 2000,
    objects: names.map((name) => ({ namespace: 'shop', name })),
    sources: ['shop'],
    ...more,
  }
}

test('propose the one field of the one object that was written', () => {
  const { allowances } = suggest({ written: [wrote(container('app', 'image'))] })
  assert.equal(allowances.length, 1)
  const { evidence, reason, ...rest } = allowances[0]!
  assert.deepEqual(rest, {
    name: 'ops-updater-deployment',
    users: [user],
    kinds: ['apps/Deployment'],
    namespaces: ['shop'],
    names: ['web'],
    fields: ['/spec/template/spec/containers/[name=app]/image'],
    ops: ['replace'],
  })
  assert.match(reason, /audit/)
  assert.deepEqual(evidence, {
    count: 2,
    first: 1000,
    last: 2000,
    example: { kind: 'apps/Deployment', namespace: 'shop', name: 'web' },
  })
})

test('propose nothing for a person, whatever the records say', () => {
  for (const name of ['alice', 'system:node:a', 'system:serviceaccount:', 'https://idp#alice'])
    assert.deepEqual(suggest({ written: [wrote(['spec', 'replicas'], { user: name })] }), {
      presets: [],
      allowances: [],
      agents: [],
      refused: [],
    })
})

test('propose all names where several were written, and only then', () => {
  const namesFor = (names: string[]) =>
    suggest({ written: [wrote(['spec', 'replicas'], {}, names)] }).allowances[0]!.names
  assert.deepEqual(namesFor(['a', 'b']), ['a', 'b'])
  assert.deepEqual(namesFor(['a', 'b', 'c']), ['*'])
})

test('propose a prefix for several annotations of one owner, and each of others by itself', () => {
  const annotation = (key: string) => wrote(['metadata', 'annotations', key], { op: 'add' })
  const { allowances } = suggest({
    written: ['foo.dev/a', 'foo.dev/b', 'foo.dev/c', 'bar.dev/a', 'plain'].map(annotation),
  })
  assert.deepEqual(
    allowances.map(({ fields }) => fields),
    [['/metadata/annotations/bar.dev~1a', '/metadata/annotations/foo.dev~1*', '/metadata/annotations/plain']],
  )
})

test('tell ways of writing apart: what only adds may not remove', () => {
  const { allowances } = suggest({
    written: [
      wrote(['metadata', 'annotations', 'a'], { op: 'add' }),
      wrote(['spec', 'replicas'], { op: 'replace' }),
      wrote(['spec', 'replicas'], { op: 'remove' }),
      wrote(['spec', 'replicas'], { op: 'add' }),
    ],
  })
  assert.deepEqual(
    allowances.map(({ fields, ops }) => [fields[0], ops]).toSorted(),
    [
      ['/metadata/annotations/a', ['add']],
      ['/spec/replicas', undefined],
    ].toSorted(),
  )
})

test('name the preset where its user wrote what it covers, and only what it does not cover by itself', () => {
  const cainjector = 'system:serviceaccount:cert-manager:cert-manager-cainjector'
  const kind = 'admissionregistration.k8s.io/ValidatingWebhookConfiguration'
  const objects = [{ namespace: '', name: 'x' }]
  const bundle: Path = ['webhooks', { keys: { name: 'a.b' }, index: 0 }, 'clientConfig', 'caBundle']
  const { presets, allowances } = suggest({
    written: [
      wrote(bundle, { user: cainjector, kind, objects, op: 'add' }),
      wrote(['metadata', 'labels', 'a'], { user: cainjector, kind, objects, op: 'add' }),
    ],
  })
  assert.deepEqual(
    presets.map(({ name, users }) => [name, users]),
    [['cert-manager', [cainjector]]],
  )
  assert.deepEqual(
    allowances.map(({ fields, namespaces }) => [fields, namespaces]),
    [[['/metadata/labels/a'], undefined]],
  )
  // Another account is not the operator for writing the same.
  assert.deepEqual(suggest({ written: [wrote(bundle, { kind, objects, op: 'add' })] }).presets, [])
})

test('a preset for what Git leaves out does not fit where Git says it', () => {
  const secrets = { user: 'system:serviceaccount:external-secrets:external-secrets', kind: 'Secret' }
  const fits = (op: FieldOp) =>
    suggest({ written: [wrote(['data', 'password'], { ...secrets, op })] }).presets.length
  assert.equal(fits('add'), 1)
  assert.equal(fits('replace'), 0)
})

test('name an agent as an agent', () => {
  const flux = 'system:serviceaccount:flux-system:kustomize-controller'
  const { agents, allowances } = suggest({ written: [wrote(['spec', 'replicas'], { user: flux })] })
  assert.deepEqual([agents.map(({ preset }) => preset), allowances], [['flux'], []])
})

test('leave to people what no allowance should give', () => {
  const { refused, allowances } = suggest({
    written: [
      wrote([], { op: 'remove' }),
      wrote(['metadata', 'annotations', 'kustomize.toolkit.fluxcd.io/reconcile'], { rule: 'agent-switch' }),
    ],
  })
  assert.deepEqual(allowances, [])
  assert.deepEqual(
    refused.map(({ what }) => what),
    ['deleted', '/metadata/annotations/kustomize.toolkit.fluxcd.io~1reconcile'],
  )
})

test('leave out what the configuration covers by now', () => {
  const written = [wrote(['spec', 'replicas'])]
  const allowance = { name: 'a', reason: '', users: [user], objects: {}, fields: ['/spec/replicas'] }
  assert.equal(suggest({ written, allowances: [allowance] }).allowances.length, 0)
  assert.equal(suggest({ written, allowances: [{ ...allowance, ops: ['add'] }] }).allowances.length, 1)
  assert.equal(suggest({ written, agents: [{ name: 'x', users: [user] }] }).allowances.length, 0)
})
