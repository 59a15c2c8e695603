import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor } from '../model/actor.ts'
import type { FieldChange } from '../model/path.ts'
import type { Allowance } from '../model/policy.ts'
import { coverage, uncovered } from './coverage.ts'

const stamp: Allowance = {
  name: 'stamps',
  reason: 'the agent stamps what it applies',
  users: ['system:serviceaccount:flux-system:*'],
  objects: {},
  fields: ['/metadata/labels/stamp'],
  bookkeeping: true,
}
const change: FieldChange = { path: ['metadata', 'labels', 'stamp'], op: 'add', after: 'x' }
const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
const user = (username: string): Actor => ({ username, groups: [], authenticated: true })

test('never compare bookkeeping, whoever wrote it', () => {
  const found = (actor?: Actor) =>
    coverage(change, { allowances: [stamp], manifest, actorOf: () => actor }).open
  assert.deepEqual(found(), [])
  assert.deepEqual(found(user('alice')), [])
})

test('let only those who keep it write bookkeeping', () => {
  assert.deepEqual(uncovered(change, user('alice'), [stamp], manifest), [change])
  assert.deepEqual(
    uncovered(change, user('system:serviceaccount:flux-system:kustomize-controller'), [stamp], manifest),
    [],
  )
})
