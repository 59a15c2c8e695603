import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { verifyPush } from './push.ts'
import { sameRepository } from '../git/same-repository.ts'

const SECRET = 'a shared secret'
const hmac = (body: Buffer, secret = SECRET) => createHmac('sha256', secret).update(body).digest('hex')
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

const github = {
  ref: 'refs/heads/main',
  repository: {
    clone_url: 'https://github.com/Shop/App.git',
    ssh_url: 'git@github.com:Shop/App.git',
    html_url: 'https://github.com/Shop/App',
  },
}
const gitlab = {
  object_kind: 'push',
  ref: 'refs/heads/main',
  project: {
    git_http_url: 'https://gitlab.example/shop/app.git',
    git_ssh_url: 'git@gitlab.example:shop/app.git',
  },
  repository: { url: 'git@gitlab.example:shop/app.git' },
}
const bitbucket = {
  push: { changes: [{ new: { type: 'branch', name: 'main' } }] },
  repository: { links: { html: { href: 'https://bitbucket.org/shop/app' } } },
}
const bitbucketServer = {
  changes: [{ ref: { id: 'refs/heads/main' } }],
  repository: {
    links: {
      clone: [
        { href: 'https://bitbucket.example/scm/shop/app.git', name: 'http' },
        { href: 'ssh://git@bitbucket.example:7999/shop/app.git', name: 'ssh' },
      ],
    },
  },
}

describe('a push is believed and read', () => {
  for (const [name, payload, headers, url] of [
    [
      'GitHub',
      github,
      (b: Buffer) => ({ 'x-hub-signature-256': `sha256=${hmac(b)}` }),
      github.repository.ssh_url,
    ],
    ['GitLab', gitlab, () => ({ 'x-gitlab-token': SECRET }), gitlab.project.git_http_url],
    [
      'Gitea',
      github,
      (b: Buffer) => ({ 'x-gitea-signature': hmac(b), 'x-hub-signature': 'sha1=abc' }),
      github.repository.clone_url,
    ],
    [
      'Bitbucket',
      bitbucket,
      (b: Buffer) => ({ 'x-hub-signature': `sha256=${hmac(b)}` }),
      'https://bitbucket.org/shop/app',
    ],
    [
      'Bitbucket Server',
      bitbucketServer,
      (b: Buffer) => ({ 'x-hub-signature': `sha256=${hmac(b)}` }),
      'ssh://git@bitbucket.example:7999/shop/app.git',
    ],
  ] as const) {
    test(`from ${name}`, () => {
      const body = json(payload)
      const push = verifyPush(headers(body), body, SECRET)
      assert.ok('urls' in push, JSON.stringify(push))
      assert.ok(push.urls.includes(url))
      assert.equal(push.ref, 'refs/heads/main')
    })
  }

  test('from GitHub as a form', () => {
    const body = Buffer.from(`payload=${encodeURIComponent(JSON.stringify(github))}`)
    assert.ok('urls' in verifyPush({ 'x-hub-signature-256': `sha256=${hmac(body)}` }, body, SECRET))
  })

  test('of several refs without naming one', () => {
    const changes = [...bitbucketServer.changes, { ref: { id: 'refs/heads/other' } }]
    const body = json({ ...bitbucketServer, changes })
    const push = verifyPush({ 'x-hub-signature': `sha256=${hmac(body)}` }, body, SECRET)
    assert.equal('urls' in push && 'ref' in push, false)
  })
})

describe('a push is refused', () => {
  const body = json(github)
  for (const [name, headers, secret, text] of [
    ['without a signature', {}, SECRET, body],
    ['signed with another secret', { 'x-hub-signature-256': `sha256=${hmac(body, 'other')}` }, SECRET, body],
    [
      'with a changed body',
      { 'x-hub-signature-256': `sha256=${hmac(body)}` },
      SECRET,
      json({ ...github, ref: 'x' }),
    ],
    [
      'signed by SHA-1',
      { 'x-hub-signature': `sha1=${createHmac('sha1', SECRET).update(body).digest('hex')}` },
      SECRET,
      body,
    ],
    ['with a token of another length', { 'x-gitlab-token': `${SECRET}x` }, SECRET, body],
    ['with an empty token where no secret is set', { 'x-gitlab-token': '' }, '', body],
    [
      'with one good and one bad header',
      { 'x-hub-signature-256': 'sha256=00', 'x-gitlab-token': SECRET },
      SECRET,
      body,
    ],
    ['that is no JSON', { 'x-gitlab-token': SECRET }, SECRET, Buffer.from('{')],
    ['that is a list', { 'x-gitlab-token': SECRET }, SECRET, Buffer.from('[]')],
    [
      'that names no repository',
      { 'x-gitlab-token': SECRET },
      SECRET,
      json({ __proto__: null, repository: 1 }),
    ],
  ] as const) {
    test(name, () => {
      const answer = verifyPush(headers, text, secret)
      assert.ok('refused' in answer)
      assert.doesNotMatch(answer.refused, /a shared secret/)
    })
  }
})

describe('two URLs', () => {
  const same = [
    ['https://github.com/shop/app.git', 'git@github.com:shop/app'],
    ['https://GitHub.com/shop/app', 'ssh://git@github.com/shop/app.git/'],
    ['https://user:pw@github.com/shop/app', 'https://github.com/shop/app.git'],
    ['ssh://git@host:7999/shop/app.git', 'https://host/scm/shop/app.git'],
    ['https://host:443/a', 'https://host/a'],
    ['file:///srv/a.git', '/srv/a'],
    ['ssh://git@ssh.github.com:443/shop/app.git', 'https://github.com/shop/app'],
  ] as const
  const other = [
    ['https://github.com/shop/app', 'https://gitlab.com/shop/app'],
    ['https://github.com/shop/app', 'https://github.com/shop/app2'],
    ['https://github.com/shop/app', 'https://github.com/evil/shop/app'],
    ['https://host:3000/a', 'https://host:4000/a'],
    ['https://host/a', 'ext::sh -c x'],
    ['/srv/a', 'https://srv/a'],
  ] as const
  for (const [a, b] of same) {
    test(`are one repository: ${a} and ${b}`, () => {
      assert.ok(sameRepository(a, b))
      assert.ok(sameRepository(b, a))
    })
  }
  for (const [a, b] of other) {
    test(`are two: ${a} and ${b}`, () => {
      assert.ok(!sameRepository(a, b))
      assert.ok(!sameRepository(b, a))
    })
  }
})
