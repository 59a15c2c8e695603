import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../judge.ts'
import { change, edited, flux, guardActor, policyOf, system, web } from '../testing.ts'

const after = edited(web, (copy) => void (copy['spec'] = { replicas: 9 }))
const inPod = { ...flux, extra: { 'authentication.kubernetes.io/pod-uid': ['1'] } }

test('deny an agent whose token is bound to no Pod, where that is wanted', () => {
  const policy = policyOf([{ objects: [web] }], { boundTokens: true })
  const verdict = judge(change('UPDATE', flux, web, after), policy)
  assert.deepEqual([verdict.rule, verdict.decision], ['agent-identity', 'deny'])
  assert.equal(judge(change('UPDATE', inPod, web, after), policy).decision, 'allow')
  // Neither is an agent: the guard may run outside, controllers ask for tokens without a Pod.
  assert.equal(judge(change('UPDATE', guardActor, web, after), policy).rule, 'guard')
  assert.notEqual(
    judge(change('UPDATE', system('deployment-controller'), web, web), policy).rule,
    'agent-identity',
  )
})

test('allow any token of an agent where nothing is said of it', () => {
  assert.equal(judge(change('UPDATE', flux, web, after), policyOf([{ objects: [web] }])).decision, 'allow')
})
