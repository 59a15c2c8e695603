import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../judge.ts'
import { account, change, edited, flux, object, person, policyOf, system, web } from '../testing.ts'

const shop = object('v1', 'Namespace', 'shop', {}, { namespace: '' })
const policy = policyOf([{ objects: [web] }])

test('deny to delete a namespace that holds declared objects', () => {
  const verdict = judge(change('DELETE', person(), shop), policy)
  assert.deepEqual([verdict.rule, verdict.decision], ['namespace', 'deny'])
  assert.match(verdict.reason, /Deployment shop\/web/)
  assert.equal(judge(change('DELETE', account('shop', 'ci'), shop), policy).decision, 'deny')
})
test('deny to end it through finalize', () => {
  assert.equal(
    judge(change('UPDATE', person(), shop, shop, { subresource: 'finalize' }), policy).decision,
    'deny',
  )
})
test('deny a person to give it an owner, which need not exist; let an operator adopt it', () => {
  const owned = edited(shop, (copy) => {
    copy.metadata['ownerReferences'] = [
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'x', uid: '1' },
    ]
  })
  assert.equal(judge(change('UPDATE', person(), shop, owned), policy).rule, 'namespace')
  const status = change('UPDATE', person(), shop, owned, { subresource: 'status' })
  assert.equal(judge(status, policy).decision, 'deny')
  assert.equal(judge(change('UPDATE', person(), owned, shop), policy).decision, 'allow')
  assert.equal(judge(change('UPDATE', account('tenants', 'keeper'), shop, owned), policy).decision, 'allow')
})
test('let the namespace controller end it, and the agent delete it', () => {
  const finalize = change('UPDATE', system('namespace-controller'), shop, shop, { subresource: 'finalize' })
  assert.equal(judge(finalize, policy).decision, 'allow')
  assert.equal(judge(change('DELETE', flux, shop), policy).decision, 'allow')
})
test('allow to delete a namespace that holds none', () => {
  const other = object('v1', 'Namespace', 'other', {}, { namespace: '' })
  assert.equal(judge(change('DELETE', person(), other), policy).decision, 'allow')
})
test('deny labels of a namespace that Git declares, and leave those of another alone', () => {
  const labelled = edited(shop, (copy) => {
    copy.metadata['labels'] = { 'pod-security.kubernetes.io/enforce': 'privileged' }
  })
  const declared = policyOf([{ objects: [web, shop] }])
  assert.equal(judge(change('UPDATE', person(), shop, labelled), declared).rule, 'declared')
  assert.equal(judge(change('UPDATE', person(), shop, labelled), declared).decision, 'deny')
  assert.equal(judge(change('UPDATE', person(), shop, labelled), policy).decision, 'allow')
})
