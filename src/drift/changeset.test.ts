import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reportedChanges } from '../object/reported-changes.ts'
import { readableChanges } from './changeset.ts'

test('one line a change, with what was and what is', () => {
  const lines = readableChanges([
    { path: ['spec', 'replicas'], op: 'replace', before: 2, after: 9 },
    { path: ['metadata', 'labels', 'example.com/owner'], op: 'add', after: 'alice' },
    {
      path: ['spec', 'containers', { keys: { name: 'app' }, index: 0 }, 'image'],
      op: 'remove',
      before: 'a:1',
    },
  ])
  assert.deepEqual(lines, [
    'spec.replicas: 2 → 9',
    '+ metadata.labels["example.com/owner"]: alice',
    '- spec.containers[name=app].image: a:1',
  ])
})

test('what differs inside a list that was replaced', () => {
  const lines = readableChanges([
    { path: ['args'], op: 'replace', before: ['a', 'b'], after: ['a', 'c', 'd'] },
  ])
  assert.deepEqual(lines, ['args[1]: b → c', '+ args[2]: d'])
})

test('no more lines than asked for, and nothing that a terminal obeys', () => {
  const changes = [1, 2, 3].map((n) => ({ path: [`k${n}`], op: 'add' as const, after: '\u001b[2J\n' }))
  assert.deepEqual(readableChanges(changes, 2), ['+ k1: \\u001b[2J\\n', '+ k2: \\u001b[2J\\n', 'and 1 more'])
})

test('scripts get a JSON Pointer, with the item by its index', () => {
  const path = ['spec', 'containers', { keys: { name: 'app' }, index: 1 }, 'a/b']
  assert.deepEqual(reportedChanges([{ path, op: 'replace', before: 'x', after: 'y' }]), [
    { path: '/spec/containers/1/a~1b', op: 'replace', desired: 'x', live: 'y' },
  ])
})

test('what went from a list that was replaced', () => {
  const lines = readableChanges([{ path: ['args'], op: 'replace', before: ['a', 'b', 'c'], after: ['x'] }])
  assert.deepEqual(lines, ['args[0]: a → x', '- args[1]: b', '- args[2]: c'])
})
