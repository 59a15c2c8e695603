import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor } from '../../model/actor.ts'
import type { JsonObject } from '../../model/json.ts'
import { judge } from '../judge.ts'
import { agentPreset } from '../presets/agents.ts'
import { account, change, edited, flux, object, person, policyOf, source, web } from '../testing.ts'

const argo = agentPreset('argocd')!
const both = [
  { name: 'flux', users: [flux.username] },
  { name: 'argocd', users: argo.users },
]
const policy = policyOf([{ objects: [web] }], { agents: both })
const ci = [{ name: 'ci', users: [flux.username] }]
const none = policyOf([{ policy: source({ agents: ci }), objects: [web] }], { agents: ci })
const inputs = [
  object(
    'source.toolkit.fluxcd.io/v1',
    'GitRepository',
    'x',
    { spec: { url: 'a' } },
    { namespace: 'anywhere' },
  ),
  object(
    'kustomize.toolkit.fluxcd.io/v1',
    'Kustomization',
    'x',
    { spec: { suspend: false } },
    { namespace: 'anywhere' },
  ),
  object('helm.toolkit.fluxcd.io/v2', 'HelmRelease', 'x', { spec: {} }, { namespace: 'anywhere' }),
  object('argoproj.io/v1alpha1', 'Application', 'x', { spec: {} }, { namespace: 'argocd' }),
  object('argoproj.io/v1alpha1', 'AppProject', 'x', { spec: {} }, { namespace: 'argocd' }),
]
const local = [
  object('v1', 'Secret', 'git', { data: {} }, { namespace: 'flux-system' }),
  object('v1', 'ConfigMap', 'argocd-cm', { data: {} }, { namespace: 'argocd' }),
  object('apps/v1', 'Deployment', 'kustomize-controller', { spec: {} }, { namespace: 'flux-system' }),
  object('v1', 'ResourceQuota', 'none', { spec: {} }, { namespace: 'flux-system' }),
  object('v1', 'LimitRange', 'none', { spec: {} }, { namespace: 'flux-system' }),
  object('networking.k8s.io/v1', 'NetworkPolicy', 'none', { spec: {} }, { namespace: 'argocd' }),
]
const changed = (of: (typeof inputs)[0]) => edited(of, (copy) => void (copy['spec'] = { suspend: true }))
for (const input of [...inputs, ...local]) {
  test(`deny a person to create, change or delete ${input.kind} ${input.metadata['name']}, an input of an agent`, () => {
    for (const verdict of [
      judge(change('UPDATE', person(), input, changed(input)), policy),
      judge(change('CREATE', person(), undefined, input), policy),
      judge(change('DELETE', person(), input), policy),
    ]) {
      assert.deepEqual([verdict.rule, verdict.decision], ['agent-inputs', 'deny'])
    }
  })
  test(`allow it where the agent is not in use, and the agent where it is: ${input.kind} ${input.metadata['name']}`, () => {
    assert.equal(judge(change('UPDATE', person(), input, changed(input)), none).decision, 'allow')
    assert.equal(judge(change('UPDATE', flux, input, changed(input)), policy).rule, 'agent')
  })
}
const [repository, , , application] = inputs as [(typeof inputs)[0], unknown, unknown, (typeof inputs)[0]]
test('deny a person to take the definition of an input away, and allow another version of it', () => {
  const definition = object(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'kustomizations.kustomize.toolkit.fluxcd.io',
    { spec: { group: 'kustomize.toolkit.fluxcd.io', names: { kind: 'Kustomization' } } },
    { namespace: '' },
  )
  const owned = edited(definition, (copy) => void (copy.metadata['ownerReferences'] = [{ uid: '1' }]))
  const upgraded = edited(definition, (copy) => void (copy.metadata['labels'] = { version: '2' }))
  const decide = (before: typeof definition, after?: typeof definition) =>
    judge(change(after === undefined ? 'DELETE' : 'UPDATE', person(), before, after), policy).decision
  assert.deepEqual(
    [decide(definition), decide(definition, owned), decide(definition, upgraded)],
    ['deny', 'deny', 'allow'],
  )
  assert.equal(judge(change('DELETE', person(), definition), none).decision, 'allow')
})
test("deny a person owners that come with the status of an agent's workload", () => {
  const [, , deployment] = local as [unknown, unknown, (typeof local)[0]]
  const owned = edited(deployment, (copy) => void (copy.metadata['ownerReferences'] = [{ uid: '1' }]))
  const decide = (after: typeof deployment) =>
    judge(change('UPDATE', person(), deployment, after, { subresource: 'status' }), policy).decision
  assert.deepEqual([decide(owned), decide(deployment)], ['deny', 'allow'])
})
test('deny a person the status of an input: the agent applies what it points at', () => {
  const after = edited(repository, (copy) => void (copy['status'] = { artifact: { url: 'evil' } }))
  assert.equal(
    judge(change('UPDATE', person(), repository, after, { subresource: 'status' }), policy).decision,
    'deny',
  )
})
const by = (actor: Actor, input = repository) =>
  judge(change('UPDATE', actor, input, changed(input)), policy).decision
test("allow the product's own controllers what they reconcile", () => {
  assert.equal(by(account('flux-system', 'source-controller')), 'allow')
  assert.equal(by(account('argocd', 'argocd-applicationset-controller'), application), 'allow')
})
test('deny argocd-server, which acts for people, and other accounts of the namespace', () => {
  assert.equal(by(account('argocd', 'argocd-server'), application), 'deny')
  assert.equal(by(account('argocd', 'argocd-server'), local[1]), 'deny')
  assert.equal(by(account('flux-system', 'default')), 'deny')
})
test('allow argocd-server its own Secret', () => {
  const secret = object('v1', 'Secret', 'argocd-secret', { data: {} }, { namespace: 'argocd' })
  assert.equal(by(account('argocd', 'argocd-server'), secret), 'allow')
})
test('allow service accounts to keep Secrets there', () => {
  assert.equal(by(account('external-secrets', 'external-secrets'), local[0]), 'allow')
})
test('allow anybody to ask the agent to look again, and nothing with it', () => {
  const asked = edited(repository, (copy) => {
    copy.metadata['annotations'] = { 'reconcile.fluxcd.io/requestedAt': 'now' }
  })
  assert.equal(judge(change('UPDATE', person(), repository, asked), policy).decision, 'allow')
  const more = edited(asked, (copy) => void ((copy['spec'] as JsonObject)['url'] = 'evil'))
  assert.equal(judge(change('UPDATE', person(), repository, more), policy).decision, 'deny')
})
test('judge a declared input by its own rule', () => {
  const declared = policyOf([{ objects: [web, repository] }], { agents: both })
  assert.equal(judge(change('UPDATE', person(), repository, changed(repository)), declared).rule, 'declared')
})
test('name a switch that turns the agent off for an object', () => {
  for (const [key, value] of [
    ['kustomize.toolkit.fluxcd.io/reconcile', 'disabled'],
    ['kustomize.toolkit.fluxcd.io/ssa', 'Ignore'],
    ['argocd.argoproj.io/compare-options', 'IgnoreExtraneous'],
    ['argocd.argoproj.io/sync-options', 'Prune=false'],
  ] as const) {
    const off = edited(web, (copy) => void ((copy.metadata['annotations'] as JsonObject)[key] = value))
    const verdict = judge(change('UPDATE', person(), web, off), policy)
    assert.deepEqual([verdict.rule, verdict.decision], ['agent-switch', 'deny'])
    assert.ok(verdict.reason.includes(key))
  }
})

test('deny a person the Lease of an agent, and what keeps its Pods from coming back', () => {
  const lease = object(
    'coordination.k8s.io/v1',
    'Lease',
    'kustomize-controller',
    { spec: { holderIdentity: 'a' } },
    { namespace: 'flux-system' },
  )
  const taken = edited(lease, (copy) => void (copy['spec'] = { holderIdentity: 'hers' }))
  assert.equal(judge(change('UPDATE', person(), lease, taken), policy).rule, 'agent-inputs')
  assert.equal(
    judge(change('UPDATE', account('flux-system', 'kustomize-controller-2'), lease, taken), policy).decision,
    'allow',
  )
  const home = object('v1', 'Namespace', 'flux-system', {}, { namespace: '' })
  const labelled = (labels: JsonObject) => edited(home, (copy) => void (copy.metadata['labels'] = labels))
  const label = (labels: JsonObject) => judge(change('UPDATE', person(), home, labelled(labels)), policy)
  assert.equal(label({ 'pod-security.kubernetes.io/enforce': 'restricted' }).rule, 'agent-inputs')
  assert.equal(label({ team: 'platform' }).decision, 'allow')
})
