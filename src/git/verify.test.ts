import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { configMap, privateTemporaryFolder, testRepository } from '../../test/git/test-repository.ts'
import { GitError } from './git-error.ts'
import { Repository } from './repository.ts'
import { loadSource } from './source.ts'

function sshKey(base: string, name: string) {
  mkdirSync(base, { recursive: true })
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(base, name)])
  return { file: join(base, name), open: readFileSync(join(base, `${name}.pub`), 'utf8') }
}

function gpgKey(t: TestContext, name: string) {
  // A socket's path may be 107 bytes long: not below the test's own folder.
  const home = mkdtempSync(join(tmpdir(), 'gg-test-gpg-'))
  const env = { ...process.env, GNUPGHOME: home }
  t.after(() => {
    execFileSync('gpgconf', ['--kill', 'all'], { env })
    rmSync(home, { recursive: true, force: true })
  })
  const run = (...args: string[]) =>
    execFileSync('gpg', ['--batch', '--quiet', '--passphrase', '', '--pinentry-mode', 'loopback', ...args], {
      env,
      stdio: 'pipe',
    })
  run('--quick-generate-key', `${name} <${name}@example.com>`, 'ed25519', 'sign', 'never')
  return { home, open: run('--armor', '--export', name).toString() }
}

function setup(t: TestContext) {
  const git = testRepository(t)
  git.write('a.yaml', configMap('a'))
  git.git('add', '--all')
  const repository = new Repository({ url: git.path, stateDir: git.stateDir })
  t.after(() => repository.stop())
  const load = (...keys: string[]) =>
    loadSource(
      {
        name: 'shop',
        ref: { branch: 'main' },
        path: '',
        renderer: 'auto',
        verify: { keys: keys.map((key) => ({ read: () => Promise.resolve(key) })) },
      },
      repository,
    )
  return { ...git, load }
}

async function refused(work: Promise<unknown>, reason = 'unsigned'): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof GitError, String(error))
    assert.equal(error.reason, reason, error.message)
    return true
  })
}

describe('a commit signed by an SSH key', () => {
  test('is loaded when the key is trusted, refused when another is', async (t) => {
    const { base, git, load } = setup(t)
    const [mine, other] = [sshKey(join(base, 'keys'), 'mine'), sshKey(join(base, 'keys'), 'other')]
    git(
      '-c',
      'gpg.format=ssh',
      '-c',
      `user.signingKey=${mine.file}`,
      'commit',
      '--quiet',
      '-S',
      '-m',
      'signed',
    )
    assert.equal((await load(mine.open)).manifests.length, 1)
    assert.equal((await load(`# keys\n\n${other.open}${mine.open}`)).manifests.length, 1)
    await refused(load(other.open))
    await refused(load())
    await refused(load('no key'), 'refused')
    await refused(load(`cert-authority ${mine.open}`), 'refused')
  })
})

describe('a commit signed by a GPG key', () => {
  test('is loaded when the key is trusted, refused when another is', async (t) => {
    const { git, load, base } = setup(t)
    const [mine, other] = [gpgKey(t, 'mine'), gpgKey(t, 'other')]
    privateTemporaryFolder(t, base)
    execFileSync(
      'git',
      [
        '-c',
        'user.name=Ada',
        '-c',
        'user.email=a@b',
        '-c',
        'user.signingKey=mine',
        'commit',
        '--quiet',
        '-S',
        '-m',
        'signed',
      ],
      { cwd: join(base, 'work'), env: { ...process.env, GNUPGHOME: mine.home }, stdio: 'pipe' },
    )
    assert.ok(git('rev-parse', 'HEAD'))
    assert.equal((await load(mine.open)).manifests.length, 1)
    assert.equal((await load(other.open, mine.open)).manifests.length, 1)
    await refused(load(other.open))
    await refused(load(sshKey(join(base, 'keys'), 'ssh').open))
    await refused(load('-----BEGIN PGP PUBLIC KEY BLOCK-----\nnonsense'), 'refused')
    const left = readdirSync(base).filter((name) => name.startsWith('gg-gpg-'))
    assert.deepEqual(left, [], 'no keyring stays')
  })
})

describe('a commit without a signature', () => {
  test('is refused, though git says nothing about it', async (t) => {
    const { base, commit, load } = setup(t)
    commit()
    await refused(load(sshKey(join(base, 'keys'), 'mine').open))
    await refused(load(gpgKey(t, 'mine').open))
  })

  test('on top of a signed one is refused, and a forged signature too', async (t) => {
    const { base, git, load, commit } = setup(t)
    const mine = sshKey(join(base, 'keys'), 'mine')
    git(
      '-c',
      'gpg.format=ssh',
      '-c',
      `user.signingKey=${mine.file}`,
      'commit',
      '--quiet',
      '-S',
      '-m',
      'signed',
    )
    const raw = git('cat-file', 'commit', 'HEAD')
    commit('unsigned')
    await refused(load(mine.open))
    const forged = join(base, 'forged')
    const { writeFileSync } = await import('node:fs')
    writeFileSync(forged, `${raw.replace('\n\nsigned', '\n\nforged')}\n`)
    const hash = git('hash-object', '-t', 'commit', '-w', forged)
    git('update-ref', 'refs/heads/main', hash)
    await refused(load(mine.open))
  })
})
