import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../model/json.ts'
import type { Allowance } from '../model/policy.ts'
import { judge } from './judge.ts'
import { account, change, edited, node, object, person, policyOf, source, web } from './testing.ts'

const changed = edited(web, (copy) => void ((copy['spec'] as JsonObject)['replicas'] = 9))
const update = change('UPDATE', person(), web, changed)

test('deny, warn or only note, as the source says, and tell what enforce would do', () => {
  for (const [mode, decision] of [
    ['enforce', 'deny'],
    ['warn', 'warn'],
    ['audit', 'allow'],
  ] as const) {
    const verdict = judge(update, policyOf([{ policy: source({ mode }), objects: [web] }]))
    assert.deepEqual([verdict.decision, verdict.enforced, verdict.rule], [decision, 'deny', 'declared'])
    assert.equal(verdict.changes.length, 1)
  }
})
test('take the first override that names the object over the mode of its source', () => {
  const policy = policyOf([{ objects: [web] }], {
    modes: [
      { objects: { kinds: ['Secret'] }, mode: 'audit' },
      { objects: { kinds: ['apps/*'], namespaces: ['shop'] }, mode: 'warn' },
      { objects: {}, mode: 'audit' },
    ],
  })
  assert.equal(judge(update, policy).decision, 'warn')
})
test('answer a dry-run as the real thing', () => {
  const policy = policyOf([{ objects: [web] }])
  assert.deepEqual(judge({ ...update, dryRun: true }, policy), judge(update, policy))
})
test('say not-managed of what nobody declares', () => {
  const other = object('v1', 'ConfigMap', 'x', {}, { namespace: 'other' })
  assert.equal(judge(change('DELETE', person(), other), policyOf([{ objects: [web] }])).rule, 'not-managed')
})

const scaling: Allowance = {
  name: 'ops',
  reason: 'ops scale',
  users: ['system:serviceaccount:ops:*'],
  objects: { kinds: ['apps/Deployment'] },
  fields: ['/spec/replicas'],
}
test('allow an operator what its allowance covers, and a person under its field manager nothing', () => {
  const policy = policyOf([{ objects: [web] }], { allowances: [scaling] })
  assert.equal(judge({ ...update, actor: account('ops', 'scaler') }, policy).decision, 'allow')
  const forged = edited(changed, (copy) => void (copy.metadata['managedFields'] = [{ manager: 'scaler' }]))
  assert.equal(judge(change('UPDATE', person(), web, forged), policy).decision, 'deny')
  assert.equal(judge({ ...update, actor: account('opsx', 'scaler') }, policy).decision, 'deny')
})
test('hold groups of an allowance to narrow its users', () => {
  const groups = policyOf([{ objects: [web] }], {
    allowances: [{ ...scaling, users: ['alice'], groups: ['oncall'] }],
  })
  assert.equal(judge(update, groups).decision, 'deny')
  assert.equal(judge({ ...update, actor: person('alice', 'oncall') }, groups).decision, 'allow')
})
test('judge by fields alone somebody who is only inferred', () => {
  const policy = policyOf([{ objects: [web] }], { allowances: [scaling] })
  assert.equal(
    judge({ ...update, actor: { ...person('kubectl'), authenticated: false } }, policy).decision,
    'allow',
  )
})
test('find the object of a scale whose kind discovery does not know', () => {
  const scale = (replicas: number) => ({ ...object('autoscaling/v1', 'Scale', 'web'), spec: { replicas } })
  const asked = {
    ...change('UPDATE', person(), scale(3), scale(9), { subresource: 'scale' }),
    ref: { group: 'apps', kind: '', namespace: 'shop', name: 'web' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
  }
  assert.equal(judge(asked, policyOf([{ objects: [web] }])).decision, 'deny')
  const other = { ...asked, resource: { group: 'apps', version: 'v1', resource: 'statefulsets' } }
  assert.equal(judge(other, policyOf([{ objects: [web] }])).decision, 'allow')
})
test('escape what comes from outside in the reason', () => {
  const verdict = judge({ ...update, actor: person('\u001b[31mroot\nx') }, policyOf([{ objects: [web] }]))
  assert.doesNotMatch(verdict.reason, /[\u0000-\u001f]/)
})
test('keep node and lease traffic out of everything', () => {
  const lease = object('coordination.k8s.io/v1', 'Lease', 'worker-1', {}, { namespace: 'kube-node-lease' })
  assert.equal(
    judge(change('UPDATE', node(), lease, lease), policyOf([{ objects: [web] }])).decision,
    'allow',
  )
})
