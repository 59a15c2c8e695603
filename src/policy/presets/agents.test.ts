import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFields } from '../../object/fields.ts'
import { agentPreset, agentPresets } from './agents.ts'

for (const { name, users, companions, nudges, switches, stamps, managers, sources } of agentPresets) {
  test(`say who and where it was read, and let a nudge change annotations only: ${name}`, () => {
    const everybody = [...users, ...companions.flatMap((companion) => companion.users)]
    for (const user of everybody) assert.match(user, /^system:serviceaccount:[a-z0-9-]+:[a-z0-9*-]+$/)
    assert.equal(new Set(everybody).size, everybody.length, 'nobody is agent and companion')
    for (const nudge of nudges) assert.match(nudge, /^\/metadata\/annotations\/[^/*]+$/)
    const matcher = compileFields(nudges)
    for (const { key } of switches) assert.equal(matcher.covers(['metadata', 'annotations', key]), false, key)
    assert.equal(new Set(switches.map(({ key }) => key)).size, switches.length)
    for (const key of [...stamps.labels, ...stamps.annotations]) assert.doesNotMatch(key, /\*/)
    assert.notEqual(managers?.length, 0)
    assert.ok(sources.length > 0)
    // Tekton's preset states no fact that a version could change.
    if (name !== 'tekton') assert.ok(sources.some((source) => /@\S+/.test(source)))
  })
}

test('trust no account that acts for people: argocd-server keeps its own Secret and nothing else', () => {
  const { users, companions } = agentPreset('argocd')!
  assert.ok(!users.some((user) => user.endsWith(':argocd-server')))
  const kinds = companions
    .filter((companion) => companion.users.some((user) => user.endsWith(':argocd-server')))
    .flatMap((companion) => companion.kinds)
  assert.deepEqual(kinds, ['Secret/argocd-secret'])
})

test('trust the account by which Argo CD reaches a remote cluster only where that is said', () => {
  const manager = 'system:serviceaccount:kube-system:argocd-manager'
  assert.deepEqual(agentPreset('argocd-remote')!.users, [manager])
  assert.ok(!agentPreset('argocd')!.users.includes(manager))
})
