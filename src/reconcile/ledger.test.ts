import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Actor } from '../model/actor.ts'
import type { FieldChange } from '../model/path.ts'
import { Ledger } from './ledger.ts'

const ref = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
const actor = (username: string): Actor => ({ username, groups: [], authenticated: true })
const web = { keys: { name: 'web' }, index: 0 }
const write = (username: string, time: number, ...changes: FieldChange[]) => ({
  ref,
  actor: actor(username),
  time,
  changes,
})
const replace = (path: FieldChange['path'], after: FieldChange['after']): FieldChange =>
  after === undefined ? { path, op: 'remove' } : { path, op: 'replace', after }

it('name the writer of a field while it holds what was written', () => {
  const ledger = new Ledger()
  ledger.record(write('alice', 1, replace(['spec', 'replicas'], 5)))
  assert.equal(ledger.writerOf(ref, ['spec', 'replicas'], 5)?.username, 'alice')
  assert.equal(ledger.writerOf(ref, ['spec', 'replicas'], 3), undefined)
  assert.equal(ledger.writerOf({ ...ref, name: 'api' }, ['spec', 'replicas'], 5), undefined)
})

it('name the newest writer', () => {
  const ledger = new Ledger()
  ledger.record(write('alice', 1, replace(['spec', 'replicas'], 5)))
  ledger.record(write('bob', 2, replace(['spec', 'replicas'], 6)))
  assert.equal(ledger.writerOf(ref, ['spec', 'replicas'], 5), undefined)
  assert.equal(ledger.writerOf(ref, ['spec', 'replicas'], 6)?.username, 'bob')
})

it('name who removed a field', () => {
  const ledger = new Ledger()
  ledger.record(write('alice', 1, replace(['metadata', 'labels', 'a'], undefined)))
  assert.equal(ledger.writerOf(ref, ['metadata', 'labels', 'a'], undefined)?.username, 'alice')
})

it('find the item of a keyed list wherever it stands', () => {
  const ledger = new Ledger()
  ledger.record(write('alice', 1, replace(['spec', 'containers', web, 'image'], 'x')))
  const moved = { keys: { name: 'web' }, index: 3 }
  assert.equal(ledger.writerOf(ref, ['spec', 'containers', moved, 'image'], 'x')?.username, 'alice')
})

it('know the parts of what was written as a whole, and the whole of parts by one writer', () => {
  const ledger = new Ledger()
  ledger.record(write('alice', 1, replace(['metadata', 'labels'], { a: '1', b: '2' })))
  assert.equal(ledger.writerOf(ref, ['metadata', 'labels', 'b'], '2')?.username, 'alice')
  ledger.record(write('alice', 2, replace(['data', 'x'], '1'), replace(['data', 'y'], '2')))
  assert.equal(ledger.writerOf(ref, ['data'], { x: '1', y: '2' })?.username, 'alice')
  ledger.record(write('bob', 3, replace(['data', 'y'], '3')))
  assert.equal(ledger.writerOf(ref, ['data'], { x: '1', y: '3' }), undefined)
})

it('remember a delete for a while, and nothing of the object before it', () => {
  const ledger = new Ledger()
  ledger.record(write('alice', 1, replace(['a'], 1)))
  ledger.record({ ref, actor: actor('flux'), time: 10, changes: [], deleted: true })
  assert.equal(ledger.deleterOf(ref, 60, 100)?.actor.username, 'flux')
  assert.equal(ledger.deleterOf(ref, 200, 100), undefined)
  assert.equal(ledger.writerOf(ref, ['a'], 1), undefined)
})

it('stay small', () => {
  const ledger = new Ledger({ objects: 3, fieldsPerObject: 4 })
  for (let index = 0; index < 10; index++) {
    ledger.record({ ...write('a', index, replace(['x'], index)), ref: { ...ref, name: `n${index}` } })
  }
  assert.equal(ledger.size, 3)
  assert.equal(ledger.writerOf({ ...ref, name: 'n0' }, ['x'], 0), undefined)
  for (let index = 0; index < 10; index++) ledger.record(write('a', index, replace([`f${index}`], 1)))
  assert.equal(ledger.writerOf(ref, ['f0'], 1), undefined)
  assert.equal(ledger.writerOf(ref, ['f9'], 1)?.username, 'a')
})
