import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { withDirectoryLock } from './directory-lock.ts'

describe('withDirectoryLock', () => {
  let directory: string
  const silent = () => undefined

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lock-'))
  })
  after(() => rm(directory, { recursive: true }))

  it('let one work at a time', async () => {
    const path = join(directory, 'one', 'at-a-time.lock')
    let working = 0
    const work = async () => {
      assert.equal(++working, 1)
      await sleep(30)
      working--
    }
    await Promise.all([1, 2, 3].map(() => withDirectoryLock(path, silent, work)))
    assert.equal(existsSync(path), false)
  })

  it('say who is waited for', async () => {
    const path = join(directory, 'said.lock')
    const said: string[] = []
    let waiter: Promise<void> | undefined
    await withDirectoryLock(path, silent, async () => {
      waiter = withDirectoryLock(
        path,
        (line) => said.push(line),
        () => Promise.resolve(),
      )
      await sleep(50)
    })
    await waiter
    assert.match(said.join('\n'), /^waiting for process \d+ on .*, 0 s so far$/)
  })

  it('release the lock when the work fails', async () => {
    const path = join(directory, 'fails.lock')
    await assert.rejects(
      withDirectoryLock(path, silent, () => Promise.reject(new Error('no'))),
      /no/,
    )
    assert.equal(existsSync(path), false)
  })

  it('take over from a process that died', async () => {
    const path = join(directory, 'died.lock')
    await mkdir(path)
    await writeFile(join(path, 'owner.json'), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }))
    assert.equal(await withDirectoryLock(path, silent, () => Promise.resolve('mine')), 'mine')
  })

  it('take over from another machine without a heartbeat', async () => {
    const path = join(directory, 'elsewhere.lock')
    await mkdir(path)
    await writeFile(join(path, 'owner.json'), JSON.stringify({ pid: 1, host: 'elsewhere' }))
    const old = new Date(Date.now() - 120_000)
    await utimes(join(path, 'owner.json'), old, old)
    assert.equal(await withDirectoryLock(path, silent, () => Promise.resolve('mine')), 'mine')
  })
})
