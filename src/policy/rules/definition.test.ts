import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject, KubeObject } from '../../model/json.ts'
import { operatorPreset } from '../presets/operators.ts'
import { judge } from '../judge.ts'
import { account, change, edited, flux, object, person, policyOf } from '../testing.ts'

const schema = (properties: JsonObject): Json => ({
  openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
})
const size: JsonObject = {
  size: { type: 'integer' },
  tags: { type: 'array', items: { type: 'object', properties: { a: {} } } },
}
const crd = object(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  'widgets.example.com',
  {
    spec: {
      group: 'example.com',
      names: { kind: 'Widget' },
      versions: [
        { name: 'v1', served: true, schema: schema(size) },
        { name: 'v2', served: true, schema: schema(size) },
      ],
      conversion: {
        strategy: 'Webhook',
        webhook: { clientConfig: { caBundle: 'YQ==', service: { name: 'x' } } },
      },
    },
  },
  { namespace: '' },
)
const widget = object('example.com/v1', 'Widget', 'a', { spec: { size: 1, tags: [{ a: 'b' }] } })
const policy = policyOf([{ objects: [widget] }])
const spec = (copy: KubeObject) => copy['spec'] as JsonObject
const version = (copy: KubeObject, index: number) => (spec(copy)['versions'] as JsonObject[])[index]!
const decide = (edit: (copy: KubeObject) => void, by = policy, actor = person()) =>
  judge(change('UPDATE', actor, crd, edited(crd, edit)), by)

test('deny to delete a definition of what Git declares', () => {
  const verdict = judge(change('DELETE', person(), crd), policy)
  assert.deepEqual([verdict.rule, verdict.decision], ['definition', 'deny'])
  assert.equal(judge(change('DELETE', account('x', 'operator'), crd), policy).decision, 'deny')
})
test('allow to delete a definition of what Git does not declare, and the agent any', () => {
  assert.equal(judge(change('DELETE', person(), crd), policyOf([])).decision, 'allow')
  assert.equal(judge(change('DELETE', flux, crd), policy).decision, 'allow')
})
const owned = (copy: KubeObject) =>
  void (copy.metadata['ownerReferences'] = [{ apiVersion: 'v1', kind: 'Namespace', name: 'x', uid: '1' }])
test('deny a person to give a definition of what Git declares an owner: it may be collected; let an operator adopt it', () => {
  assert.equal(decide(owned).rule, 'definition')
  const adopted = change('UPDATE', account('crossplane-system', 'crossplane'), crd, edited(crd, owned))
  assert.equal(judge(adopted, policy).decision, 'allow')
  assert.equal(decide(owned, policyOf([])).decision, 'allow')
})
test('deny to stop serving the version that Git uses, and allow another', () => {
  assert.equal(decide((copy) => void (version(copy, 0)['served'] = false)).rule, 'definition')
  assert.equal(decide((copy) => void (version(copy, 1)['served'] = false)).decision, 'allow')
})
test('deny to prune a field that Git sets, and allow one that it does not', () => {
  assert.equal(decide((copy) => void (version(copy, 0)['schema'] = schema({ size: {} }))).decision, 'deny')
  assert.match(
    decide((copy) => void (version(copy, 0)['schema'] = schema({ size: {} }))).reason,
    /spec\.tags/,
  )
  const more = schema({ ...size, colour: { type: 'string' } })
  const before = edited(crd, (copy) => void (version(copy, 0)['schema'] = more))
  assert.equal(judge(change('UPDATE', person(), before, crd), policy).decision, 'allow')
})
test('allow fields that a schema keeps without naming them', () => {
  const keep = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  assert.equal(decide((copy) => void (version(copy, 0)['schema'] = keep)).decision, 'allow')
})
const bundle = (copy: KubeObject) => {
  const conversion = spec(copy)['conversion'] as JsonObject
  conversion['webhook'] = { clientConfig: { caBundle: 'Yg==', service: { name: 'x' } } }
}
test('deny another conversion webhook, and allow cainjector its caBundle', () => {
  assert.equal(decide((copy) => void (spec(copy)['conversion'] = { strategy: 'None' })).decision, 'deny')
  const cainjector = account('cert-manager', 'cert-manager-cainjector')
  const preset = operatorPreset('cert-manager')!
  const allowed = policyOf([{ objects: [widget] }], { allowances: preset.allowances })
  assert.equal(decide(bundle).decision, 'deny')
  assert.equal(decide(bundle, allowed, cainjector).decision, 'allow')
  assert.equal(decide(bundle, allowed).decision, 'deny')
})

const service = object(
  'apiregistration.k8s.io/v1',
  'APIService',
  'v1.example.com',
  { spec: { group: 'example.com', version: 'v1', service: null } },
  { namespace: '' },
)
test('deny to delete or redirect an API service of a group that Git uses', () => {
  assert.equal(judge(change('DELETE', person(), service), policy).rule, 'definition')
  const redirected = edited(
    service,
    (copy) => void (spec(copy)['service'] = { name: 'evil', namespace: 'x' }),
  )
  assert.equal(judge(change('UPDATE', person(), service, redirected), policy).decision, 'deny')
  assert.equal(judge(change('CREATE', person(), undefined, redirected), policy).decision, 'deny')
  assert.equal(judge(change('DELETE', person(), service), policyOf([])).decision, 'allow')
  const disowned = edited(service, owned)
  assert.equal(judge(change('UPDATE', person(), service, disowned), policy).decision, 'deny')
})
test('deny to redirect the API service of the core group, which is named by no field', () => {
  const core = object(
    'apiregistration.k8s.io/v1',
    'APIService',
    'v1.',
    { spec: { version: 'v1' } },
    { namespace: '' },
  )
  const map = policyOf([{ objects: [object('v1', 'ConfigMap', 'a', { data: {} })] }])
  const moved = edited(core, (copy) => void (spec(copy)['service'] = { name: 'evil', namespace: 'x' }))
  assert.equal(judge(change('UPDATE', person(), core, moved), map).decision, 'deny')
  assert.equal(judge(change('DELETE', person(), core), map).decision, 'deny')
})
test('deny what is declared by its own rule', () => {
  assert.equal(
    judge(change('DELETE', person(), crd), policyOf([{ objects: [crd, widget] }])).rule,
    'declared',
  )
})

test('deny a person to serve what the API server decides by from elsewhere', () => {
  const policy = policyOf([{ objects: [] }])
  const local = object(
    'apiregistration.k8s.io/v1',
    'APIService',
    'v1.rbac.authorization.k8s.io',
    { spec: { group: 'rbac.authorization.k8s.io', version: 'v1' } },
    { namespace: '', labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
  )
  const unlabelled = edited(local, (copy) => void delete copy.metadata['labels'])
  const moved = edited(local, (copy) => void ((copy['spec'] as JsonObject)['service'] = { name: 'evil' }))
  const decide = (verdict: ReturnType<typeof judge>) => [verdict.rule, verdict.decision]
  const role = object('rbac.authorization.k8s.io/v1', 'Role', 'declared', {})
  for (const after of [unlabelled, moved])
    for (const by of [policy, policyOf([{ objects: [role] }])])
      assert.deepEqual(decide(judge(change('UPDATE', person(), local, after), by)), ['definition', 'deny'])
  assert.deepEqual(decide(judge(change('DELETE', person(), local), policy)), ['definition', 'deny'])
  const metrics = object(
    'apiregistration.k8s.io/v1',
    'APIService',
    'v1beta1.metrics.k8s.io',
    { spec: { group: 'metrics.k8s.io', service: { name: 'metrics-server' } } },
    { namespace: '' },
  )
  assert.equal(judge(change('CREATE', person(), undefined, metrics), policy).decision, 'allow')
})
