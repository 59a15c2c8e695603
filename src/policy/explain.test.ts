import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainObject } from './explain.ts'
import { flux, now, policyOf, web } from './testing.ts'

const deployment = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
const policy = policyOf([{ objects: [web] }], {
  allowances: [
    {
      name: 'ops',
      reason: 'ops relabel',
      users: ['ops'],
      objects: { kinds: ['apps/*'] },
      fields: ['/metadata/labels/x'],
    },
    { name: 'other', reason: 'x', users: ['ops'], objects: { kinds: ['Secret'] }, fields: ['/data/x'] },
  ],
  breakGlass: [
    { name: 'inc', namespace: 'shop', objects: [], reason: 'INC-1', openedBy: 'bob', expiresAt: now },
  ],
})

test('explain who may change a declared object and why', () => {
  const { status, mode, source, origin, agents, allowances, notes } = explainObject(deployment, policy)
  assert.deepEqual([status, mode, source, origin?.line], ['declared', 'enforce', 'shop', 1])
  assert.ok(agents[0]?.users.includes(flux.username))
  const names = allowances.map(({ name }) => name)
  assert.ok(
    names.includes('ops') && names.includes('system:deployment-controller') && !names.includes('other'),
  )
  assert.ok(notes.some((note) => note.includes('INC-1') && note.includes('bob')))
})
test('explain what Git does not hold, what is the guard’s, and what nobody manages', () => {
  const stray = { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'x' }
  assert.equal(explainObject(stray, policy).status, 'undeclared')
  assert.equal(explainObject({ ...stray, namespace: 'gitops-guard' }, policy).status, 'guard')
  assert.equal(explainObject({ ...stray, namespace: 'other' }, policy).status, 'not-managed')
})
