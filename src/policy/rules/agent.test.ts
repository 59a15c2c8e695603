import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../judge.ts'
import {
  account,
  change,
  edited,
  flux,
  guardActor,
  object,
  person,
  policyOf,
  source,
  web,
} from '../testing.ts'

const users = (name: string) => ({ name, users: [`system:serviceaccount:${name}:deployer`] })
const teamA = source({ name: 'a', agents: [users('team-a')] })
const teamB = source({ name: 'b', agents: [users('team-b')] })
const a = object('v1', 'ConfigMap', 'a', {}, { namespace: 'a' })
const b = object('v1', 'ConfigMap', 'b', {}, { namespace: 'b' })
const policy = policyOf([
  { policy: teamA, objects: [a] },
  { policy: teamB, objects: [b] },
  { objects: [web] },
])
const agentA = account('team-a', 'deployer')
const changed = (of: typeof a) => edited(of, (copy) => void (copy['data'] = { x: 'y' }))

test('allow the guard what it writes', () => {
  assert.equal(judge(change('DELETE', guardActor, web), policy).rule, 'guard')
})
test('allow an agent of a source its objects', () => {
  assert.equal(judge(change('UPDATE', agentA, a, changed(a)), policy).rule, 'agent')
  assert.equal(judge(change('DELETE', agentA, a), policy).decision, 'allow')
})
test("deny an agent another source's objects, and name the source", () => {
  const verdict = judge(change('UPDATE', agentA, b, changed(b)), policy)
  assert.equal(verdict.rule, 'other-source')
  assert.equal(verdict.decision, 'deny')
  assert.match(verdict.reason, /source b/)
})
test('deny a default agent the objects of a source with agents of its own', () => {
  assert.equal(judge(change('UPDATE', flux, a, changed(a)), policy).rule, 'other-source')
})
test('allow a limited agent undeclared objects in the namespaces of its sources', () => {
  const other = object('v1', 'ConfigMap', 'new', {}, { namespace: 'a' })
  assert.equal(judge(change('CREATE', agentA, undefined, other), policy).rule, 'agent')
})
test('judge a limited agent like anybody elsewhere', () => {
  const other = object('v1', 'ConfigMap', 'new', {}, { namespace: 'b' })
  assert.notEqual(judge(change('CREATE', agentA, undefined, other), policy).rule, 'agent')
})
test('allow a default agent to create and prune what no source declares', () => {
  const gone = object('v1', 'ConfigMap', 'gone')
  assert.equal(judge(change('DELETE', flux, gone), policy).rule, 'agent')
  assert.equal(judge(change('CREATE', flux, undefined, gone), policy).rule, 'agent')
})
test('deny a default agent to delete a namespace of a source with agents of its own', () => {
  const namespace = object('v1', 'Namespace', 'a', {}, { namespace: '' })
  assert.equal(judge(change('DELETE', flux, namespace), policy).rule, 'namespace')
  assert.equal(judge(change('DELETE', flux, namespace), policy).decision, 'deny')
  assert.equal(judge(change('DELETE', agentA, namespace), policy).decision, 'allow')
})
test("deny somebody who is only in the agent's group", () => {
  const member = person('mallory', 'system:serviceaccounts:flux-system', 'system:masters')
  assert.equal(judge(change('UPDATE', member, web, changed(web)), policy).decision, 'deny')
})
test('deny another account of the agent’s namespace', () => {
  assert.equal(
    judge(change('UPDATE', account('flux-system', 'default'), web, changed(web)), policy).decision,
    'deny',
  )
})
test('trust no agent that is only inferred', () => {
  const forged = { ...flux, authenticated: false }
  assert.notEqual(judge(change('UPDATE', forged, web, changed(web)), policy).rule, 'agent')
})
