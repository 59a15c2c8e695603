import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diffMarkdown } from './diff-markdown.ts'
import type { Row } from './diff.ts'

const row = (name: string, more: Partial<Row> = {}): Row => ({
  ref: { group: 'apps', kind: 'Deployment', namespace: 'shop', name },
  apiVersion: 'apps/v1',
  status: 'modified',
  origin: { file: 'prod/web.yaml', line: 3 },
  changes: [],
  ...more,
})
const sources = [{ name: 'shop', revision: 'a'.repeat(40) }]

test('say what merging does to the cluster: Git is after, live is before', () => {
  const changes = [
    { path: ['spec', 'replicas'], op: 'replace' as const, before: 3, after: 2 },
    { path: ['metadata', 'labels', 'owner'], op: 'remove' as const, before: 'shop' },
    { path: ['spec', 'paused'], op: 'add' as const, after: true },
  ]
  const text = diffMarkdown(sources, [row('web', { changes }), row('api', { status: 'inSync' })], [])
  assert.match(text, /^<!-- gitops-guard diff -->\n### In the cluster: 1 changed\n/)
  assert.match(text, /1 of 2 objects as in the cluster/)
  assert.match(
    text,
    /```diff\n! spec\.replicas: 2 → 3\n\+ metadata\.labels\.owner: shop\n- spec\.paused: true\n```/,
  )
})

test('say that nothing changes', () => {
  assert.match(
    diffMarkdown(sources, [row('web', { status: 'inSync' })], []),
    /### Nothing changes in the cluster/,
  )
})

test('name what cannot be used, in the headline too', () => {
  const text = diffMarkdown(sources, [], [{ file: 'prod/x.yaml', line: 7, message: 'no kind' }])
  assert.match(text, /### In the cluster: 1 not usable/)
  assert.match(text, /\*\*Cannot be used:\*\* `prod\/x\.yaml:7`: `no kind`/)
})

test('keep to what every Git host takes, and count what is left out', () => {
  const many = Array.from({ length: 2000 }, (_, index) => row(`web-${index}`))
  const text = diffMarkdown(sources, many, [])
  assert.ok(text.length < 32_768)
  const shown = text.match(/<details>/g)!.length
  assert.match(text, new RegExp(`…and ${2000 - shown} more objects`))
})

test('mention nobody and break out of nothing, whatever values hold', () => {
  const evil = '`\n```\n<!-- @everyone --> <img src=x> [x](http://evil)'
  const text = diffMarkdown(
    [{ name: evil, revision: evil }],
    [row(evil, { message: evil, changes: [{ path: [evil], op: 'add', after: evil }] })],
    [{ file: evil, line: 1, message: evil }],
  )
  const outside = text.replace(/^```diff\n.*?\n```$/gms, '').replace(/`[^`\n]*`|<code>[^<]*<\/code>/g, '')
  assert.doesNotMatch(outside, /@everyone|<img|\]\(http/)
  assert.equal(text.match(/^```/gm)!.length, 2)
})
