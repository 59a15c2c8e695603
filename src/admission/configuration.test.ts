import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../model/json.ts'
import { source } from '../policy/testing.ts'
import { declared, namespaces, testPolicy } from '../../test/admission/test-guard.ts'
import { webhookConfiguration, type ConfigurationFacts } from './configuration.ts'

const facts = (changed: Partial<ConfigurationFacts> = {}): ConfigurationFacts => ({
  policy: testPolicy(),
  namespaces,
  declared,
  target: { service: { namespace: 'gitops-guard', name: 'gitops-guard', port: 443 } },
  caBundle: 'PEM',
  resources: 'everything',
  ...changed,
})

interface Webhook {
  name: string
  failurePolicy: string
  namespaceSelector: JsonObject
  rules: { apiGroups: string[]; operations: string[]; resources: string[]; scope: string }[]
  matchConditions?: { name: string; expression: string }[]
  clientConfig: JsonObject
}
function webhooks(changed: Partial<ConfigurationFacts> = {}): Webhook[] {
  return webhookConfiguration(facts(changed)).webhooks as unknown as Webhook[]
}
const byName = (name: string, changed: Partial<ConfigurationFacts> = {}) =>
  webhooks(changed).find((each) => each.name.startsWith(name))!
const expressions = (changed: Partial<ConfigurationFacts>) =>
  webhooks(changed).flatMap(({ matchConditions }) =>
    (matchConditions ?? []).map(({ expression }) => expression),
  )

test('the same facts give the same configuration, in whatever order they come', () => {
  const turned = { namespaces: namespaces.toReversed(), declared: declared.toReversed() }
  assert.deepEqual(webhookConfiguration(facts(turned)), webhookConfiguration(facts()))
})

test('select namespaces by their immutable name only, and cluster-scoped objects by nothing', () => {
  assert.deepEqual(byName('namespaced').namespaceSelector, {
    matchExpressions: [
      { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['flux-system', 'gitops-guard', 'shop'] },
    ],
  })
  assert.deepEqual(byName('cluster').namespaceSelector, {})
})

test('fail closed, but where connects are allowed for the webhook that only hears of them', () => {
  assert.deepEqual(
    webhooks().map(({ name, failurePolicy }) => `${name.split('.')[0]} ${failurePolicy}`),
    ['namespaced Fail', 'cluster Fail', 'inputs Fail', 'identities Fail', 'connect Ignore'],
  )
  const denied = webhooks({ policy: testPolicy({ connect: 'deny' }) })
  assert.ok(denied.every(({ failurePolicy }) => failurePolicy === 'Fail'))
  assert.equal(denied.length, 4)
})

test('ask for all resources with their subresources, or for those of a list', () => {
  assert.deepEqual(byName('cluster').rules[0]?.resources, ['*/*'])
  const listed = byName('namespaced', {
    resources: [
      { group: 'apps', resource: 'deployments', namespaced: true },
      { group: '', resource: 'pods', namespaced: true },
      { group: '', resource: 'nodes', namespaced: false },
    ],
  })
  assert.deepEqual(
    listed.rules.map(({ apiGroups, resources }) => [apiGroups, resources]),
    [
      [[''], ['pods', 'pods/*']],
      [['apps'], ['deployments', 'deployments/*']],
    ],
  )
})

test('ask nothing about identities where their namespaces are guarded anyway', () => {
  assert.equal(byName('identities', { namespaces: [...namespaces, 'kube-system'] }), undefined)
})

test('leave conditions out for a server that cannot compile them', () => {
  assert.deepEqual(expressions({ conditions: false }), [])
})

test('stay within the conditions and expressions that the API server takes', () => {
  const users = Array.from({ length: 12_000 }, (_, i) => `system:serviceaccount:team-${i}:deployer`)
  const agents = [{ name: 'ci', users }]
  const policy = testPolicy({ agents, sources: [source({ agents })] })
  for (const { matchConditions = [] } of webhooks({ policy })) {
    assert.ok(matchConditions.length <= 64)
    assert.ok(new Set(matchConditions.map(({ name }) => name)).size === matchConditions.length)
    assert.ok(matchConditions.every(({ expression }) => expression.length <= 100_000))
  }
})

test('one condition holds every reason to go past, users who are known by name first', () => {
  for (const { name, matchConditions = [] } of webhooks().filter(
    (each) => !each.name.startsWith('connect'),
  )) {
    assert.deepEqual(
      matchConditions.map((each) => each.name),
      ['not-exempt'],
      name,
    )
    assert.match(matchConditions[0]!.expression, /^!\(\n {2}\/\/ (trusted|control-plane)\n/)
  }
})

test('long names fill expressions, and none is left out', () => {
  const users = Array.from({ length: 900 }, (_, i) => `system:serviceaccount:${'n'.repeat(200)}:${i}`)
  const agents = [{ name: 'ci', users }]
  const policy = testPolicy({ agents, sources: [source({ agents })] })
  const [{ matchConditions = [] }] = webhooks({ policy }) as [Webhook]
  assert.ok(matchConditions.length > 2)
  const all = matchConditions.map(({ expression }) => expression).join('')
  assert.ok(users.every((user) => all.includes(JSON.stringify(user))))
  assert.ok(matchConditions.every(({ expression }) => expression.length <= 100_000))
})

test('an agent limited to a source goes past in its namespaces, and never for cluster-scoped objects', () => {
  const agents = [{ name: 'ci', users: ['system:serviceaccount:ci:deployer'] }]
  const limited = source({ agents })
  const changed = { policy: testPolicy({ sources: [limited] }, { policy: limited }) }
  const of = (name: string) => JSON.stringify(byName(name, changed).matchConditions)
  assert.match(of('namespaced'), /system:serviceaccount:ci:deployer shop/)
  assert.doesNotMatch(of('cluster'), /ci:deployer/)
})

test('never ask the authorizer, which cannot tell alice from an agent, nor namespaceObject, which is empty', () => {
  for (const expression of expressions({}))
    assert.doesNotMatch(expression, /authorizer|namespaceObject|variables/)
})

test('a name from outside cannot end its string', () => {
  const agents = [{ name: 'x', users: ['a"] || true || ["'] }]
  const all = expressions({ policy: testPolicy({ agents, sources: [source({ agents })] }) }).join('\n')
  assert.ok(all.includes(String.raw`["a\"] || true || [\"", `))
})

test('agents are asked where their token must be bound to a Pod and is not', () => {
  assert.match(expressions({ boundTokens: true }).join(), /pod-uid/)
  assert.doesNotMatch(expressions({}).join(), /pod-uid/)
})

test('a URL or a Service, with the bundle in base64', () => {
  const caBundle = Buffer.from('PEM').toString('base64')
  assert.deepEqual(byName('cluster').clientConfig, {
    service: { namespace: 'gitops-guard', name: 'gitops-guard', port: 443, path: '/validate' },
    caBundle,
  })
  const url = 'https://127.0.0.1:9443/validate'
  assert.deepEqual(byName('cluster', { target: { url } }).clientConfig, { url, caBundle })
})
