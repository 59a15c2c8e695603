import assert from 'node:assert/strict'
import { readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gitHttpServer } from '../../test/git/http-server.ts'
import { configMap, testRepository } from '../../test/git/test-repository.ts'
import type { TestRepository } from '../../test/git/test-repository.ts'
import type { DesiredState } from '../model/desired.ts'
import { SourceFollower } from './follow.ts'
import type { GitError } from './git-error.ts'
import { Repository } from './repository.ts'
import type { SourceSpec } from './source-spec.ts'

const SPEC: SourceSpec = { name: 'shop', ref: { branch: 'main' }, path: '', renderer: 'auto' }

interface Options {
  poll?: number
  url?: string
  spec?: Partial<SourceSpec>
}

function follow(
  t: TestContext,
  git: TestRepository,
  { poll = 60_000, url = git.path, spec = {} }: Options = {},
) {
  const repository = new Repository({ url, stateDir: git.stateDir, timeouts: { ask: 2000, fetch: 5000 } })
  const states: DesiredState[] = []
  const errors: GitError[] = []
  const follower = new SourceFollower({
    spec: { ...SPEC, ...spec },
    repository,
    stateDir: git.stateDir,
    poll,
    onState: (state) => states.push(state),
    onError: (error) => errors.push(error),
  })
  const stop = async () => {
    await Promise.all([follower.stop(), repository.stop()])
  }
  t.after(stop)
  follower.start()
  return { follower, repository, states, errors, stop }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    assert.ok(i < 500, 'not within 5 s')
    await sleep(10)
  }
}

describe('a follower', () => {
  test('brings each new commit by polling', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    const first = git.commit()
    const { states, follower } = follow(t, git, { poll: 50 })
    await until(() => states.length === 1)
    git.write('b.yaml', configMap('b'))
    const second = git.commit()
    await until(() => states.length === 2)
    assert.deepEqual(
      states.map(({ revision, manifests }) => [revision, manifests.length]),
      [
        [first, 1],
        [second, 2],
      ],
    )
    assert.equal(follower.status().revision, second)
    assert.equal(follower.status().lastError, undefined)
    assert.ok(Date.now() - (follower.status().fetchedAt ?? 0) < 5000)
    await sleep(300)
    assert.equal(states.length, 2, 'nothing new, nothing told')
  })

  test('has what Git had when it was told to refresh', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    git.commit()
    const { follower, states } = follow(t, git)
    await until(() => states.length === 1)
    for (let i = 0; i < 3; i++) {
      git.write('a.yaml', configMap('a', String(i)))
      const revision = git.commit()
      await Promise.all([follower.refresh(), follower.refresh(), follower.refresh()])
      assert.equal(follower.state()?.revision, revision)
    }
    assert.equal(states.length, 4)
  })

  test('takes a force-pushed branch as its new tip', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    const first = git.commit()
    git.write('b.yaml', configMap('b'))
    git.commit()
    const { follower } = follow(t, git)
    await follower.refresh()
    git.git('reset', '--quiet', '--hard', first)
    await follower.refresh()
    assert.equal(follower.state()?.revision, first)
    assert.equal(follower.state()?.manifests.length, 1)
  })

  test('keeps the last good state while Git is away, says so, and comes back', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    const first = git.commit()
    const server = await gitHttpServer(t, git.base)
    const { follower, errors, states } = follow(t, git, { poll: 50, url: `${server.origin}/work/.git` })
    await until(() => states.length === 1)
    server.mode = 'fail'
    await until(() => errors.length >= 2)
    assert.equal(follower.state()?.revision, first)
    const status = follower.status()
    assert.equal(status.lastError?.reason, 'unreachable')
    assert.ok(status.since <= Date.now() && Date.now() - status.since < 5000)
    server.mode = 'serve'
    git.write('a.yaml', configMap('a', 'new'))
    const second = git.commit()
    await until(() => follower.state()?.revision === second)
    assert.equal(follower.status().lastError, undefined)
  })

  test('asks less and less often while it fails', async (t) => {
    const git = testRepository(t)
    git.commit()
    const server = await gitHttpServer(t, git.base)
    server.mode = 'fail'
    const { errors } = follow(t, git, { poll: 40, url: `${server.origin}/work/.git` })
    await until(() => errors.length >= 3)
    await sleep(1000)
    assert.ok(errors.length <= 7, `${errors.length} errors within a second`)
  })

  test('without commits waits for the first', async (t) => {
    const git = testRepository(t)
    const { follower, errors, states } = follow(t, git, { poll: 50 })
    await until(() => errors.length > 0)
    assert.equal(errors[0]?.reason, 'empty')
    git.write('a.yaml', configMap('a'))
    git.commit()
    await until(() => states.length === 1)
    assert.equal(follower.status().lastError, undefined)
  })

  test('whose path is gone keeps what it had', async (t) => {
    const git = testRepository(t)
    git.write('prod/a.yaml', configMap('a'))
    const first = git.commit()
    const { follower, errors } = follow(t, git, { spec: { path: 'prod' } })
    await follower.refresh()
    git.git('mv', 'prod', 'stage')
    git.commit()
    await follower.refresh()
    assert.equal(follower.state()?.revision, first)
    assert.equal(errors[0]?.reason, 'missing')
  })

  test('mends a clone that broke while it ran', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    git.commit()
    const { follower } = follow(t, git)
    await follower.refresh()
    const [id = ''] = readdirSync(join(git.stateDir, 'repositories'))
    const objects = join(git.stateDir, 'repositories', id, 'clone.git', 'objects')
    renameSync(objects, `${objects}-gone`)
    git.write('b.yaml', configMap('b'))
    const second = git.commit()
    await follower.refresh()
    assert.equal(follower.state()?.revision, second)
    assert.equal(follower.state()?.manifests.length, 2)
  })
})

describe('after a restart', () => {
  test('without Git the last good revision is in force, objects of a broken file included', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    git.write('b.yaml', configMap('b'))
    const good = git.commit()
    const before = follow(t, git)
    await before.follower.refresh()
    git.write('b.yaml', 'broken: [')
    const broken = git.commit()
    await before.follower.refresh()
    await before.stop()

    renameSync(git.path, `${git.path}-away`)
    const { follower, states, errors } = follow(t, git)
    await until(() => errors.length === 1)
    assert.equal(states.length, 1)
    assert.equal(follower.status().revision, broken)
    assert.equal(follower.status().fetchedAt, undefined)
    assert.deepEqual(
      states[0]?.manifests.map(({ ref, origin }) => [ref.name, origin.revision]),
      [
        ['a', broken],
        ['b', good],
      ],
    )
    assert.equal(errors[0]?.reason, 'unreachable')
  })

  test('of a source that follows another ref now, the old revision is not used', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    git.commit()
    const before = follow(t, git)
    await before.follower.refresh()
    await before.stop()
    renameSync(git.path, `${git.path}-away`)
    const { states, errors } = follow(t, git, { spec: { ref: { branch: 'prod' } } })
    await until(() => errors.length === 1)
    assert.deepEqual(states, [])
  })
})

describe('a stopped follower', () => {
  test('tells nothing any more, even in the middle of a question', async (t) => {
    const git = testRepository(t)
    git.write('a.yaml', configMap('a'))
    git.commit()
    const server = await gitHttpServer(t, git.base)
    const { follower, states, errors, stop } = follow(t, git, { poll: 50, url: `${server.origin}/work/.git` })
    await until(() => states.length === 1)
    server.mode = 'hang'
    const asked = follower.refresh()
    await sleep(100)
    const start = performance.now()
    await stop()
    assert.ok(performance.now() - start < 1500)
    await asked
    const told = states.length + errors.length
    await sleep(300)
    assert.equal(states.length + errors.length, told)
    await follower.refresh()
  })
})
