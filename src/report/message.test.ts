import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commitLink, fileLink } from './git-links.ts'
import { makeMessage } from './message.ts'
import { manyViolations, someViolation } from './testing/violations.ts'

const drift = someViolation({
  id: 'd1',
  event: 'drift',
  rule: 'modified',
  remedy: 'repair',
  actor: { username: 'kubectl-edit', groups: [], authenticated: false },
  time: '2026-11-24T10:00:01.000Z',
})

describe('one violation', () => {
  test('says all in a line', () => {
    const { summary, title, tone, thread, count } = makeMessage([someViolation()])
    assert.equal(summary, 'alice tried to change Deployment shop/web: spec.replicas: 2 → 9. Refused.')
    assert.equal(title, 'Refused: Deployment shop/web')
    assert.deepEqual([tone, thread, count], ['bad', 'apps/Deployment/shop/web', 1])
  })

  test('names what was done through a subresource', () => {
    const summary = (subresource: string, operation: 'UPDATE' | 'CONNECT' | 'CREATE') =>
      makeMessage([someViolation({ subresource, operation, changes: [] })]).summary
    assert.equal(summary('scale', 'UPDATE'), 'alice tried to scale Deployment shop/web. Refused.')
    assert.equal(summary('exec', 'CONNECT'), 'alice tried to run a command in Deployment shop/web. Refused.')
    assert.equal(summary('status', 'UPDATE'), 'alice tried to change status of Deployment shop/web. Refused.')
  })

  test('says that a name is only a guess, where it is', () => {
    const message = makeMessage([drift])
    assert.match(message.summary, /^probably kubectl-edit changed Deployment shop\/web/)
    assert.equal(message.facts[0]!.text, 'probably kubectl-edit')
    const nobody = makeMessage([
      someViolation({ ...drift, actor: { username: '', groups: [], authenticated: false } }),
    ])
    assert.match(nobody.summary, /^somebody changed/)
  })

  test('shows no control characters, wherever they came from', () => {
    const bad = 'a\u001b[2J\u202e\nb'
    const message = makeMessage([
      someViolation({
        id: bad,
        rule: bad,
        reason: bad,
        source: bad,
        actor: { username: bad, groups: [bad], authenticated: true },
        object: { apiVersion: 'v1', kind: bad, namespace: bad, name: bad },
        origin: { file: bad, line: 1, revision: bad },
        changes: [{ path: `/${bad}`, op: 'replace', desired: bad, live: { [bad]: bad } }],
      }),
    ])
    const shown = { ...message, thread: '' }
    assert.doesNotMatch(JSON.stringify(shown).replaceAll('\\n', ''), /\\u001b(?!\[)|[\u202e]/)
    assert.ok(!JSON.stringify({ ...shown, reason: '' }).includes('\u202e'))
  })
})

describe('several violations', () => {
  test('of one person and one object are one message with counts', () => {
    const burst = Array.from({ length: 17 }, (_, index) => someViolation({ id: `b${index}` }))
    const message = makeMessage(burst)
    assert.equal(message.count, 17)
    assert.equal(message.ids.length, 17)
    assert.equal(message.title, 'Refused: Deployment shop/web ×17')
    assert.match(message.summary, /\(17 refused\)$/)
  })

  test('tell of the repair rather than of the drift before it', () => {
    const repaired = someViolation({
      ...drift,
      id: 'd1-repaired',
      event: 'repaired',
      repairedAfterMs: 12.4,
      time: '2026-11-24T10:00:01.012Z',
    })
    const message = makeMessage([repaired, drift])
    assert.equal(message.event, 'repaired')
    assert.equal(message.outcome, "Git's state was back after 12 ms.")
    assert.match(message.summary, /\(1 drifted, 1 put back\)$/)
    assert.equal(makeMessage([repaired, { ...drift, time: '2026-11-24T10:00:02.000Z' }]).event, 'drift')
  })

  test('of many objects are a digest that counts them all', () => {
    const message = makeMessage([
      ...manyViolations(998),
      someViolation({ id: 'x' }),
      someViolation({ id: 'y' }),
    ])
    assert.equal(message.count, 1000)
    assert.equal(message.title, '1000 violations of 999 objects')
    assert.equal(message.objects?.[0], 'alice: Deployment shop/web, 2 refused')
    assert.equal(message.objects?.length, 21)
    assert.equal(message.objects?.at(-1), 'and 979 more')
    assert.equal(message.thread, undefined)
    assert.equal(new Set(message.ids).size, 1000)
  })
})

describe('links into Git', () => {
  const place = { file: 'clusters/prod/web é.yaml', line: 12, revision: 'abc' }
  for (const [repository, file, commit] of [
    [
      'https://github.com/shop/app.git',
      'https://github.com/shop/app/blob/abc/clusters/prod/web%20%C3%A9.yaml#L12',
      'https://github.com/shop/app/commit/abc',
    ],
    [
      'git@github.com:shop/app.git',
      'https://github.com/shop/app/blob/abc/clusters/prod/web%20%C3%A9.yaml#L12',
      'https://github.com/shop/app/commit/abc',
    ],
    [
      'ssh://git@gitlab.example:2222/a/b/c.git',
      'https://gitlab.example/a/b/c/-/blob/abc/clusters/prod/web%20%C3%A9.yaml#L12',
      'https://gitlab.example/a/b/c/-/commit/abc',
    ],
    [
      'https://gitea.example:3000/a/b',
      'https://gitea.example:3000/a/b/src/commit/abc/clusters/prod/web%20%C3%A9.yaml#L12',
      'https://gitea.example:3000/a/b/commit/abc',
    ],
    [
      'https://bitbucket.org/a/b.git',
      'https://bitbucket.org/a/b/src/abc/clusters/prod/web%20%C3%A9.yaml#lines-12',
      'https://bitbucket.org/a/b/commits/abc',
    ],
    [
      'https://bitbucket.example/scm/ops/b.git',
      'https://bitbucket.example/projects/OPS/repos/b/browse/clusters/prod/web%20%C3%A9.yaml?at=abc#12',
      'https://bitbucket.example/projects/OPS/repos/b/commits/abc',
    ],
  ] as const) {
    test(`lead to the page of ${repository}`, () => {
      assert.equal(fileLink(repository, place), file)
      assert.equal(commitLink(repository, 'abc'), commit)
    })
  }

  test('are none where the host is not known, or it is no URL', () => {
    for (const repository of [
      'https://git.example/a.git',
      '/srv/git/shop',
      'file:///srv/shop',
      'javascript:alert(1)',
      '',
      'https://notgithub.example/a/b',
    ])
      assert.equal(fileLink(repository, place), undefined, repository)
  })
})
