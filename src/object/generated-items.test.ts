import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GeneratedItem } from '../model/desired.ts'
import type { JsonObject } from '../model/json.ts'
import { withGeneratedNames } from './generated-items.ts'

const sidecar = (name: string, image = 'proxy:1'): JsonObject => ({ name, image, args: ['--id', name] })
const generated: GeneratedItem = {
  list: ['containers'],
  item: sidecar('proxy-a1'),
  keys: ['name'],
  madeUp: [
    { path: ['name'], begins: 'proxy-' },
    { path: ['args', 1], begins: 'proxy-' },
  ],
}
const wanted = { containers: [{ name: 'web' }, sidecar('proxy-a1')] }
const named = (...containers: JsonObject[]) => withGeneratedNames(wanted, { containers }, [generated])

test('call an item as the other side does where only its made-up name differs, wherever it stands', () => {
  assert.deepEqual(named({ name: 'web' }, sidecar('proxy-b2')), wanted)
  assert.deepEqual(named(sidecar('proxy-b2'), { name: 'web' }).containers[0], sidecar('proxy-a1'))
})

test('leave an item of another name, with another content, and one that is too many', () => {
  const other = [{ name: 'web' }, sidecar('evil-b2')]
  assert.deepEqual(named(...other).containers, other)
  const changed = [{ name: 'web' }, sidecar('proxy-b2', 'evil:1')]
  assert.deepEqual(named(...changed).containers, changed)
  const [, first, second] = named({ name: 'web' }, sidecar('proxy-b2'), sidecar('proxy-c3')).containers
  assert.deepEqual(first, sidecar('proxy-a1'))
  assert.deepEqual(second, sidecar('proxy-c3'))
})

test('leave both sides alone where they agree, and never change what is given', () => {
  const live = { containers: [{ name: 'web' }, sidecar('proxy-a1'), sidecar('proxy-b2')] }
  assert.equal(withGeneratedNames(wanted, live, [generated]), live)
  const before = structuredClone(live)
  withGeneratedNames({ containers: [sidecar('proxy-zz')] }, live, [generated])
  assert.deepEqual(live, before)
})

test('match members of a set by how they begin', () => {
  const member: GeneratedItem = {
    list: ['finalizers'],
    item: 'x.dev/1',
    madeUp: [{ path: [], begins: 'x.dev/' }],
  }
  const set = withGeneratedNames({ finalizers: ['a', 'x.dev/1'] }, { finalizers: ['x.dev/2', 'a', 'b'] }, [
    member,
  ])
  assert.deepEqual(set.finalizers, ['x.dev/1', 'a', 'b'])
})
