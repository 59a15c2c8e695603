import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { readManagedFields, writeManagedFields } from './managed-fields.ts'
import { ownersOf } from './owners.ts'

const entry = (manager: string, time: string, fieldsV1: JsonObject): JsonObject => ({
  manager,
  operation: 'Update',
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  time,
  fieldsV1,
})
const live: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    managedFields: [
      entry('flux', '2026-01-01T00:00:00Z', { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } }),
      entry('kubectl-edit', '2026-01-01T00:00:09Z', { 'f:spec': { 'f:paused': {} } }),
      'nonsense',
      { operation: 'Other' },
    ],
  },
}

it('name the owners of what differs, newest first', () => {
  const owners = ownersOf(readManagedFields(live), [
    { path: ['spec', 'replicas'], op: 'replace' },
    { path: ['spec', 'paused'], op: 'add' },
  ])
  assert.deepEqual(owners, {
    managers: ['kubectl-edit', 'flux'],
    complete: true,
    writtenAt: Date.parse('2026-01-01T00:00:09Z'),
  })
})

it('find the owner of an atomic map in a change inside it', () => {
  const inside = ownersOf(readManagedFields(live), [
    { path: ['spec', 'selector', 'matchLabels'], op: 'replace' },
  ])
  assert.deepEqual(inside.managers, ['flux'])
})

it('say that nobody owns what is gone', () => {
  const owners = ownersOf(readManagedFields(live), [{ path: ['spec', 'replicas'], op: 'remove' }])
  assert.deepEqual(owners, { managers: [], complete: false, writtenAt: undefined })
})

it('write entries as they were read, without empty ones', () => {
  const entries = readManagedFields(live)
  const written = writeManagedFields([
    ...entries,
    { ...entries[0]!, fields: entries[0]!.fields.difference(entries[0]!.fields) },
  ])
  assert.deepEqual(written, (live.metadata['managedFields'] as JsonObject[]).slice(0, 2))
})
