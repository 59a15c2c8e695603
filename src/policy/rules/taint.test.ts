import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../model/json.ts'
import { judge } from '../judge.ts'
import { account, change, edited, node, object, person, policyOf, system, web } from '../testing.ts'

const worker = object('v1', 'Node', 'worker-1', { spec: { taints: [] } }, { namespace: '' })
const tainted = (effect: string) =>
  edited(worker, (copy) => void ((copy['spec'] as JsonObject)['taints'] = [{ key: 'out', effect }]))
const policy = policyOf([{ objects: [web] }])

test('deny a person a NoExecute taint while Git declares workloads', () => {
  const verdict = judge(change('UPDATE', person(), worker, tainted('NoExecute')), policy)
  assert.deepEqual([verdict.rule, verdict.decision], ['taint', 'deny'])
})
test('allow to cordon, to take a taint away, and to leave one be', () => {
  assert.equal(judge(change('UPDATE', person(), worker, tainted('NoSchedule')), policy).decision, 'allow')
  assert.equal(judge(change('UPDATE', person(), tainted('NoExecute'), worker), policy).decision, 'allow')
  assert.equal(
    judge(change('UPDATE', person(), tainted('NoExecute'), tainted('NoExecute')), policy).decision,
    'allow',
  )
})
test('allow service accounts, controllers and the node itself', () => {
  for (const actor of [account('kube-system', 'cluster-autoscaler'), system('node-controller'), node()]) {
    assert.equal(judge(change('UPDATE', actor, worker, tainted('NoExecute')), policy).decision, 'allow')
  }
})
test('allow it where Git declares no workloads', () => {
  const config = policyOf([{ objects: [object('v1', 'ConfigMap', 'a')] }])
  assert.equal(judge(change('UPDATE', person(), worker, tainted('NoExecute')), config).decision, 'allow')
})
