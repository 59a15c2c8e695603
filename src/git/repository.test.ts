import assert from 'node:assert/strict'
import { generateKeyPairSync, verify as verifySignature } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { gitHttpServer } from '../../test/git/http-server.ts'
import { sshServer } from '../../test/git/ssh-server.ts'
import { configMap, privateTemporaryFolder, testRepository } from '../../test/git/test-repository.ts'
import type { TestRepository } from '../../test/git/test-repository.ts'
import type { GitAuth } from './credentials.ts'
import { GitError } from './git-error.ts'
import type { GitErrorReason } from './git-error.ts'
import { MARK } from './process-tree.ts'
import { Repository } from './repository.ts'
import type { RepositoryOptions } from './repository.ts'

const MAIN = { branch: 'main' }

function open(
  context: TestContext,
  git: TestRepository,
  options: Partial<RepositoryOptions> = {},
): Repository {
  const repository = new Repository({ url: git.path, stateDir: git.stateDir, ...options })
  context.after(() => repository.stop())
  return repository
}

async function failure(work: Promise<unknown>, reason: GitErrorReason): Promise<string> {
  const error: unknown = await work.then(
    () => assert.fail(`expected an error: ${reason}`),
    (caught: unknown) => caught,
  )
  assert.ok(error instanceof GitError, String(error))
  assert.equal(error.reason, reason, error.message)
  return error.message
}

const secret = (value: string) => ({ read: () => Promise.resolve(value) })

/** Command lines of what the repositories of one test started and that still runs. */
function gitProcesses({ stateDir }: TestRepository): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1')
        return !/\) Z /.test(stat) && environment.includes(`${MARK}=`) && environment.includes(stateDir)
      } catch {
        return false
      }
    })
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '))
}

async function text(repository: Repository, revision: string, path: string): Promise<string> {
  const [entry] = await repository.files(revision, path)
  assert.ok(entry, `${path} is not there`)
  for await (const content of repository.blobs([entry])) return content.toString()
  return ''
}

describe('a local path', () => {
  for (const form of ['path', 'file URL', 'bare'] as const) {
    test(`is read as its commits are, by ${form}`, async (t) => {
      const git = testRepository(t)
      git.write('a.yaml', 'a: 1\n')
      const first = git.commit('first')
      git.write('a.yaml', 'not committed\n')
      const bare = join(git.base, 'bare.git')
      if (form === 'bare') git.git('clone', '--quiet', '--bare', git.path, bare)
      const url = { path: git.path, 'file URL': `file://${git.path}`, bare }[form]
      const repository = open(t, git, { url })
      assert.equal(await repository.tip(MAIN), first)
      assert.equal(await repository.resolve(MAIN), undefined)
      assert.equal(await repository.fetch(MAIN), first)
      assert.equal(await repository.resolve(MAIN), first)
      assert.equal(await text(repository, first, 'a.yaml'), 'a: 1\n')
    })
  }

  test('without commits is said to be empty', async (t) => {
    const repository = open(t, testRepository(t))
    assert.match(await failure(repository.tip(MAIN), 'empty'), /has no commits yet/)
    await failure(repository.fetch(MAIN), 'empty')
  })

  test('that is not there is unreachable', async (t) => {
    const git = testRepository(t)
    const repository = open(t, git, { url: join(git.base, 'nowhere') })
    await failure(repository.tip(MAIN), 'unreachable')
    await failure(repository.fetch(MAIN), 'unreachable')
  })

  test('runs no hook and heeds no configuration of the repository', async (t) => {
    const git = testRepository(t)
    git.commit()
    const trap = join(git.base, 'trap')
    for (const hook of ['post-checkout', 'pre-auto-gc', 'reference-transaction', 'post-index-change']) {
      writeFileSync(join(git.path, '.git/hooks', hook), `#!/bin/sh\ntouch ${trap}\n`, { mode: 0o755 })
    }
    git.git('config', 'uploadpack.packObjectsHook', `touch ${trap}; false`)
    git.git('config', 'core.sshCommand', `touch ${trap}`)
    git.git('config', 'core.fsmonitor', `touch ${trap}`)
    const repository = open(t, git)
    await repository.fetch(MAIN)
    assert.equal(existsSync(trap), false)
  })
})

describe('a ref', () => {
  test('that is missing is said with those that exist', async (t) => {
    const git = testRepository(t)
    git.commit()
    git.git('branch', 'prod')
    const repository = open(t, git)
    const message = /branch release does not exist in .*: there are: main, prod/
    assert.match(await failure(repository.tip({ branch: 'release' }), 'missing'), message)
    assert.match(await failure(repository.fetch({ branch: 'release' }), 'missing'), message)
    assert.match(
      await failure(repository.fetch({ tag: 'v1' }), 'missing'),
      /tag v1 does not exist in .*: there is none/,
    )
  })

  test('that is a tag is followed when it is rewritten, annotated or not', async (t) => {
    const git = testRepository(t)
    const first = git.commit('first')
    git.git('tag', 'v1')
    const repository = open(t, git)
    assert.equal(await repository.tip({ tag: 'v1' }), first)
    assert.equal(await repository.fetch({ tag: 'v1' }), first)
    const second = git.commit('second')
    git.git('tag', '--force', '--annotate', '-m', 'again', 'v1')
    assert.equal(await repository.tip({ tag: 'v1' }), second)
    assert.equal(await repository.fetch({ tag: 'v1' }), second)
  })

  test('that was fetched is not answered with what was at the tip before', async (t) => {
    const git = testRepository(t)
    const first = git.commit('first')
    const repository = open(t, git)
    assert.equal(await repository.tip(MAIN), first)
    const second = git.commit('second')
    assert.equal(await repository.recentTip(MAIN, 60_000), first)
    assert.equal(await repository.fetch(MAIN), second)
    assert.equal(await repository.recentTip(MAIN, 60_000), second)
  })

  test('that is a commit is fetched by its hash, also behind the tip', async (t) => {
    const git = testRepository(t)
    const first = git.commit('first')
    git.commit('second')
    const repository = open(t, git)
    assert.equal(await repository.tip({ commit: first }), first)
    assert.equal(await repository.fetch({ commit: first }), first)
    assert.equal((await repository.commitInfo(first)).subject, 'first')
    await failure(repository.fetch({ commit: 'f'.repeat(40) }), 'missing')
  })

  test('named like a tag and a branch at once is the one that was asked for', async (t) => {
    const git = testRepository(t)
    const first = git.commit('first')
    git.git('tag', 'main')
    const second = git.commit('second')
    const repository = open(t, git)
    assert.equal(await repository.fetch({ tag: 'main' }), first)
    assert.equal(await repository.fetch(MAIN), second)
  })

  test('named by a name alone is the branch, else the tag, the whole ref or the default branch', async (t) => {
    const git = testRepository(t)
    const first = git.commit('first')
    git.git('tag', '--annotate', '-m', 'v1', 'v1')
    git.git('update-ref', 'refs/pull/7/head', first)
    git.write('a.yaml', configMap('a'))
    const second = git.commit('second')
    const repository = open(t, git)
    for (const [name, revision] of [
      ['HEAD', second],
      ['main', second],
      ['v1', first],
      ['refs/pull/7/head', first],
    ] as const) {
      assert.equal(await repository.tip({ name }), revision, name)
      assert.equal(await repository.fetch({ name }), revision, name)
    }
    assert.match(await failure(repository.tip({ name: 'nowhere' }), 'missing'), /branch or tag nowhere/)
  })

  test('force-pushed is simply the new tip', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', 'a: 1\n')
    git.commit('first')
    git.write('a.yaml', 'a: 2\n')
    git.commit('second')
    const repository = open(t, git)
    await repository.fetch(MAIN)
    git.git('reset', '--quiet', '--hard', 'HEAD~1')
    git.write('a.yaml', 'a: 3\n')
    const other = git.commit('other')
    assert.equal(await repository.fetch(MAIN), other)
    assert.equal(await text(repository, other, 'a.yaml'), 'a: 3\n')
  })

  for (const name of [
    '-x',
    '--upload-pack=touch x',
    'a..b',
    'a b',
    'a:b',
    'a~1',
    '@{u}',
    'x.lock',
    '',
    'a\nb',
    '+x*',
  ]) {
    test(`${JSON.stringify(name)} never reaches git`, async (t) => {
      const git = testRepository(t)
      git.commit()
      const repository = open(t, git)
      await failure(repository.tip({ branch: name }), 'refused')
      await failure(repository.fetch({ tag: name }), 'refused')
      await failure(repository.fetch({ commit: name }), 'refused')
    })
  }
})

describe('a URL', () => {
  for (const url of [
    'ext::sh -c "touch /tmp/x"',
    '-oProxyCommand=x',
    '--upload-pack=x',
    'ssh://-oProxyCommand=x/y',
    'ssh://%2doProxyCommand=x/y',
    'fd::17',
    'gopher://host/x',
    '',
    'https://host/x\n-y',
    'host:-x',
  ]) {
    test(`${JSON.stringify(url)} never reaches git`, () => {
      assert.throws(
        () => new Repository({ url, stateDir: '/nonexistent' }),
        (error) => error instanceof GitError && error.reason === 'refused',
      )
    })
  }

  test('is shown without its credentials', () => {
    const repository = new Repository({
      url: 'https://ada:hunter2@host/shop.git?token=hunter2',
      stateDir: '/nonexistent',
    })
    assert.equal(repository.display, 'https://host/shop.git')
    assert.throws(
      () => new Repository({ url: 'gopher://ada:hunter2@host/x', stateDir: '/nonexistent' }),
      (error) => error instanceof GitError && !error.message.includes('hunter2'),
    )
  })
})

describe('files', () => {
  test('are listed under a folder, a file or the root, sorted, names as they are', async (t) => {
    const git = testRepository(t)
    for (const file of ['b/z.yaml', 'b/a é "q".yaml', 'a.yaml', 'bb/x.yaml', '[x]/*.yaml'])
      git.write(file, file)
    git.symlink('b/link.yaml', '../../../etc/passwd')
    const revision = git.commit()
    const repository = open(t, git)
    await repository.fetch(MAIN)
    const names = async (path: string) => (await repository.files(revision, path)).map((entry) => entry.path)
    assert.deepEqual(await names(''), [
      '[x]/*.yaml',
      'a.yaml',
      'b/a é "q".yaml',
      'b/link.yaml',
      'b/z.yaml',
      'bb/x.yaml',
    ])
    assert.deepEqual(await names('b'), ['b/a é "q".yaml', 'b/link.yaml', 'b/z.yaml'])
    assert.deepEqual(await names('a.yaml'), ['a.yaml'])
    assert.deepEqual(await names('*'), [])
    assert.deepEqual(await names('nope'), [])
    const link = (await repository.files(revision, 'b')).find((entry) => entry.path === 'b/link.yaml')
    assert.equal(link?.type, 'symlink')
  })

  test('keep their bytes, large or empty', async (t) => {
    const git = testRepository(t)
    const contents = [Buffer.alloc(0), Buffer.from([0, 10, 255, 13, 10]), Buffer.alloc(3_000_000, 'x\n')]
    contents.forEach((content, index) => {
      git.write(`${index}`, content)
    })
    const revision = git.commit()
    const repository = open(t, git)
    await repository.fetch(MAIN)
    const read: Buffer[] = []
    for await (const content of repository.blobs(await repository.files(revision, '')))
      read.push(Buffer.from(content))
    assert.deepEqual(read, contents)
  })

  test('of a commit come with who made it and when', async (t) => {
    const git = testRepository(t)
    git.git(
      'commit',
      '--quiet',
      '--allow-empty',
      '--date',
      '2026-01-02T03:04:05Z',
      '-m',
      'Scale the shop\n\nfor christmas',
    )
    const repository = open(t, git)
    const info = await repository.commitInfo(await repository.fetch(MAIN))
    assert.equal(info.author, 'Ada')
    assert.equal(info.email, 'ada@example.com')
    assert.equal(info.subject, 'Scale the shop')
    assert.equal(info.authoredAt, Date.UTC(2026, 0, 2, 3, 4, 5))
    assert.ok(info.committedAt > info.authoredAt)
  })
})

describe('a broken clone', () => {
  const clone = (git: TestRepository) => {
    const [id = ''] = readdirSync(join(git.stateDir, 'repositories'))
    return join(git.stateDir, 'repositories', id, 'clone.git')
  }
  for (const [name, damage] of [
    ['without HEAD', (path: string) => rmSync(join(path, 'HEAD'))],
    ['with a HEAD of zeros', (path: string) => writeFileSync(join(path, 'HEAD'), Buffer.alloc(40))],
    ['with a broken configuration', (path: string) => writeFileSync(join(path, 'config'), '[[[')],
    ['without objects', (path: string) => rmSync(join(path, 'objects'), { recursive: true })],
    ['that is a file', (path: string) => (rmSync(path, { recursive: true }), writeFileSync(path, 'x'))],
    [
      'with truncated objects',
      (path: string) => {
        for (const entry of readdirSync(join(path, 'objects'), { recursive: true, withFileTypes: true })) {
          if (!entry.isFile()) continue
          const file = join(entry.parentPath, entry.name)
          rmSync(file)
          writeFileSync(file, '')
        }
      },
    ],
    [
      'with refs to nothing',
      (path: string) => {
        for (const entry of readdirSync(join(path, 'refs'), { recursive: true, withFileTypes: true })) {
          if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), `${'1'.repeat(40)}\n`)
        }
      },
    ],
    ['with a broken shallow file', (path: string) => writeFileSync(join(path, 'shallow'), 'nonsense\n')],
    ['with locks of a killed git', (path: string) => writeFileSync(join(path, 'shallow.lock'), '')],
  ] as const) {
    test(`${name} is made anew`, async (t) => {
      const git = testRepository(t)
      git.write('a.yaml', 'a: 1\n')
      const first = git.commit()
      const before = open(t, git)
      await before.fetch(MAIN)
      damage(clone(git))
      const after = open(t, git)
      assert.equal(await after.fetch(MAIN), first)
      assert.equal(await text(after, first, 'a.yaml'), 'a: 1\n')
      git.write('a.yaml', 'a: 2\n')
      const second = git.commit()
      assert.equal(await after.fetch(MAIN), second)
      assert.equal(await text(after, second, 'a.yaml'), 'a: 2\n')
    })
  }
})

describe('a question for the tip', () => {
  test('is answered by a git that began after it, one at a time', async (t) => {
    const git = testRepository(t)
    const server = await gitHttpServer(t, git.base)
    const first = git.commit('first')
    const repository = open(t, git, { url: `${server.origin}/work/.git` })
    await repository.tip(MAIN)
    server.delay = 300
    server.requests.length = 0
    const asked = repository.tip(MAIN)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const second = git.commit('second')
    const later = Array.from({ length: 20 }, () => repository.tip(MAIN))
    const answers = await Promise.all(later)
    assert.ok([first, second].includes(await asked))
    assert.deepEqual(new Set(answers), new Set([second]))
    const asks = server.requests.filter((request) => request.startsWith('GET')).length
    assert.equal(asks, 2, server.requests.join('\n'))
  })

  test('for several refs is one', async (t) => {
    const git = testRepository(t)
    const first = git.commit('first')
    git.git('branch', 'old')
    const second = git.commit('second')
    const repository = open(t, git)
    assert.deepEqual(await Promise.all([repository.tip(MAIN), repository.tip({ branch: 'old' })]), [
      second,
      first,
    ])
  })
})

describe('over HTTP', () => {
  const PASSWORD = 'hunter2-s3cr3t/+'
  async function served(t: TestContext, auth?: GitAuth) {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    const revision = git.commit()
    const server = await gitHttpServer(t, git.base)
    server.login = { user: 'x-access-token', password: PASSWORD }
    const repository = open(t, git, {
      url: `${server.origin}/work/.git`,
      auth,
      timeouts: { ask: 3000, fetch: 5000 },
    })
    return { git, server, repository, revision }
  }

  test('a token opens the door, and is read again when it changes', async (t) => {
    let token = PASSWORD
    const { server, repository, revision } = await served(t, {
      token: { read: () => Promise.resolve(`${token}\n`) },
    })
    assert.equal(await repository.tip(MAIN), revision)
    assert.equal(await repository.fetch(MAIN), revision)
    server.login = { user: 'x-access-token', password: 'rotated' }
    await failure(repository.tip(MAIN), 'auth')
    token = 'rotated'
    assert.equal(await repository.tip(MAIN), revision)
  })

  test('a user may be named', async (t) => {
    const { server, repository, revision } = await served(t, { token: secret(PASSWORD), user: 'ada' })
    server.login = { user: 'ada', password: PASSWORD }
    assert.equal(await repository.fetch(MAIN), revision)
  })

  test('credentials in the URL open it too, and are never an argument of git', async (t) => {
    const { git, server, revision } = await served(t)
    const url = new URL(`${server.origin}/work/.git`)
    url.username = 'x-access-token'
    url.password = PASSWORD
    const repository = open(t, git, { url: url.href })
    server.delay = 300
    const tip = repository.tip(MAIN)
    let ended = false
    void tip.finally(() => (ended = true)).catch(() => undefined)
    let running: string[] = []
    while (!ended && running.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      running = gitProcesses(git)
    }
    assert.ok(running.length > 0)
    for (const line of running) assert.doesNotMatch(line, /hunter2/)
    assert.equal(await tip, revision)
    assert.doesNotMatch(repository.display, /hunter2/)
  })

  test('a wrong token is an auth error without the token', async (t) => {
    const wrong = 'wrong-hunter2-token'
    const { repository } = await served(t, { token: secret(wrong) })
    assert.doesNotMatch(await failure(repository.tip(MAIN), 'auth'), /hunter2/)
    assert.doesNotMatch(await failure(repository.fetch(MAIN), 'auth'), /hunter2/)
  })

  test('no token where one is wanted is an auth error, and nobody is asked', async (t) => {
    const { repository } = await served(t)
    await failure(repository.fetch(MAIN), 'auth')
  })

  test('a redirect to another server gets no token', async (t) => {
    const { git, server, repository } = await served(t, { token: secret(PASSWORD) })
    const thief = await gitHttpServer(t, git.base)
    thief.login = { user: 'x', password: 'y' }
    server.mode = 'redirect'
    server.redirectTo = thief.origin
    await repository.tip(MAIN).catch(() => undefined)
    assert.ok(thief.requests.length > 0)
    assert.deepEqual(
      thief.logins.filter((login) => login.includes('hunter2')),
      [],
    )
  })

  test('a server that fails is unreachable', async (t) => {
    const { server, repository } = await served(t, { token: secret(PASSWORD) })
    server.mode = 'fail'
    await failure(repository.fetch(MAIN), 'unreachable')
  })

  for (const kind of ['http', 'tcp'] as const) {
    test(`a ${kind} server that never answers is given up, and no process is left`, async (t) => {
      const { git, server, repository } = await served(t, { token: secret(PASSWORD) })
      server.mode = 'hang'
      let slow = repository
      if (kind === 'tcp') {
        const silent = createTcpServer((socket) => t.after(() => socket.destroy()))
        await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
        t.after(() => silent.close())
        slow = open(t, git, {
          url: `ssh://ada@127.0.0.1:${(silent.address() as AddressInfo).port}/x.git`,
          timeouts: { ask: 1000, fetch: 1000 },
        })
      }
      const started = performance.now()
      await failure(slow.tip(MAIN), 'timeout')
      assert.ok(performance.now() - started < 6000)
      assert.deepEqual(gitProcesses(git), [])
      const fetching = slow.fetch(MAIN).catch((error: unknown) => error)
      await new Promise((resolve) => setTimeout(resolve, 300))
      assert.ok(gitProcesses(git).length > 0)
      await slow.stop()
      const error = await fetching
      assert.ok(error instanceof GitError && error.reason === 'aborted', String(error))
      assert.deepEqual(gitProcesses(git), [])
    })
  }

  test('nobody listening is unreachable', async (t) => {
    const git = testRepository(t)
    const repository = open(t, git, { url: 'http://127.0.0.1:1/x.git' })
    assert.match(await failure(repository.tip(MAIN), 'unreachable'), /127\.0\.0\.1/)
    assert.deepEqual(gitProcesses(git), [])
  })

  test('what cannot be fetched by parts is fetched whole', async (t) => {
    const git = testRepository(t)
    git.commit('first')
    const revision = git.commit('second')
    git.git('update-server-info')
    const dumb = createServer((request, response) => {
      const file = join(
        git.path,
        '.git',
        decodeURIComponent((request.url ?? '').replace(/\?.*/, '')).replace(/^\/x/, ''),
      )
      if (!existsSync(file)) response.writeHead(404).end()
      else response.end(readFileSync(file))
    })
    await new Promise<void>((resolve) => dumb.listen(0, '127.0.0.1', resolve))
    t.after(() => dumb.close())
    const repository = open(t, git, { url: `http://127.0.0.1:${(dumb.address() as AddressInfo).port}/x` })
    assert.equal(await repository.fetch(MAIN), revision)
  })

  test('credentials that do not fit the URL are refused', () => {
    const bad = (url: string, auth: GitAuth) => () => new Repository({ url, auth, stateDir: '/nonexistent' })
    assert.throws(bad('git@host:x', { token: secret('x') }), /auth\.token.*https/)
    assert.throws(
      bad('https://host/x', { ssh: { key: secret('x'), knownHosts: secret('x') } }),
      /auth\.ssh.*ssh/,
    )
  })
})

describe('a GitHub App', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()

  async function github(t: TestContext) {
    const seen = { calls: 0, expires: 3_600_000, status: 201, token: 'ghs_installation-hunter2' }
    const api = createServer((request, response) => {
      seen.calls++
      const [head = '', claims = '', signature = ''] = (request.headers.authorization ?? '')
        .replace('Bearer ', '')
        .split('.')
      const payload = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}') as {
        iss?: string
        iat: number
        exp: number
      }
      const good = verifySignature(
        'RSA-SHA256',
        Buffer.from(`${head}.${claims}`),
        publicKey,
        Buffer.from(signature, 'base64url'),
      )
      const now = Date.now() / 1000
      const timely = payload.iat <= now && payload.exp > now && payload.exp - payload.iat <= 600
      const right = request.method === 'POST' && request.url === '/api/v3/app/installations/7/access_tokens'
      if (!good || !timely || payload.iss !== '42' || !right) {
        response.writeHead(401).end(JSON.stringify({ message: `bad ${request.headers.authorization ?? ''}` }))
        return
      }
      response.writeHead(seen.status, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          token: seen.token,
          expires_at: new Date(Date.now() + seen.expires).toISOString(),
        }),
      )
    })
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
    t.after(() => api.close())
    return { seen, api: `http://127.0.0.1:${(api.address() as AddressInfo).port}/api/v3` }
  }

  test('gets a token by a signed claim, keeps it, and asks again when it is refused or ends', async (t) => {
    const git = testRepository(t)
    const revision = git.commit()
    const server = await gitHttpServer(t, git.base)
    const { seen, api } = await github(t)
    server.login = { user: 'x-access-token', password: seen.token }
    const url = `${server.origin}/work/.git`
    const repository = open(t, git, {
      url,
      auth: { githubApp: { id: 42, installation: 7, key: secret(pem), api } },
    })
    assert.equal(await repository.tip(MAIN), revision)
    assert.equal(await repository.fetch(MAIN), revision)
    assert.equal(seen.calls, 1)
    seen.token = 'ghs_another'
    server.login = { user: 'x-access-token', password: seen.token }
    assert.doesNotMatch(await failure(repository.tip(MAIN), 'auth'), /hunter2/)
    assert.equal(await repository.tip(MAIN), revision)
    assert.equal(seen.calls, 2)
  })

  test('with a wrong key is an auth error without key, claim or token', async (t) => {
    const git = testRepository(t)
    const { api } = await github(t)
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    })
    for (const key of [stranger.toString(), 'hunter2, no key at all']) {
      const auth = { githubApp: { id: 42, installation: 7, key: secret(key), api } }
      const repository = open(t, git, { url: 'http://127.0.0.1:1/x.git', auth })
      const message = await failure(repository.tip(MAIN), 'auth')
      assert.doesNotMatch(message, /hunter2|eyJ|BEGIN/)
      assert.match(message, /GitHub App 42/)
    }
  })
})

describe('over ssh', () => {
  test('the right key and the right host key open it, nothing else does', async (t) => {
    const git = testRepository(t)
    const revision = git.commit()
    const server = await sshServer(t, git.base)
    privateTemporaryFolder(t, git.base)
    const url = `${server.origin}${git.path}`
    const reach = (key: string, knownHosts: string) =>
      open(t, git, { url, auth: { ssh: { key: secret(key), knownHosts: secret(knownHosts) } } })

    const good = reach(server.key.replaceAll('\n', '\r\n'), server.knownHosts)
    assert.equal(await good.tip(MAIN), revision)
    assert.equal(await good.fetch(MAIN), revision)

    const wrongHost = await failure(reach(server.key, server.wrongKnownHosts).tip(MAIN), 'auth')
    assert.match(wrongHost, /host key/i)
    await failure(reach(server.key, '').fetch(MAIN), 'auth')
    const message = await failure(reach(server.strangerKey, server.knownHosts).fetch(MAIN), 'auth')
    assert.match(message, /permission denied/i)
    for (const line of server.strangerKey.split('\n').filter((part) => part.length > 30)) {
      assert.ok(!message.includes(line))
    }
    const left = readdirSync(git.base).filter((name) => name.startsWith('gitops-guard-ssh-'))
    assert.deepEqual(left, [], 'no key file stays')
  })
})

test('a clone takes its refs from several names of one repository at once', async (t) => {
  const git = testRepository(t)
  const revision = git.commit()
  for (let i = 0; i < 5; i++) git.git('branch', `b${i}`)
  const repository = open(t, git)
  const all = await Promise.all([0, 1, 2, 3, 4].map((i) => repository.fetch({ branch: `b${i}` })))
  assert.deepEqual(new Set(all), new Set([revision]))
})

test('a git that is not installed is said', async (t) => {
  const git = testRepository(t)
  const repository = open(t, git, { environment: { PATH: '/nonexistent' } })
  assert.match(await failure(repository.tip(MAIN), 'failed'), /ENOENT|not found/)
})

test('the tests see real git', () => {
  assert.match(execFileSync('git', ['--version']).toString(), /git version/)
})
