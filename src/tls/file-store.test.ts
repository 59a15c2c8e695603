import assert from 'node:assert/strict'
import { mkdtemp, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileStore } from './file-store.ts'

const directory = async () => join(await mkdtemp(join(tmpdir(), 'guard-tls-')), 'certificates')

test('what was saved is loaded, by its user only, with nothing left beside it', async () => {
  const path = await directory()
  const store = new FileStore(path)
  assert.equal(await store.load(), undefined)
  const version = await store.save('text', undefined)
  assert.deepEqual(await store.load(), { text: 'text', version })
  assert.deepEqual(await readdir(path), ['certificates.json'])
  assert.equal((await stat(join(path, 'certificates.json'))).mode & 0o777, 0o600)
  assert.equal((await stat(path)).mode & 0o777, 0o700)
})

test('a save over a version that is not the newest writes nothing', async () => {
  const store = new FileStore(await directory())
  const first = await store.save('one', undefined)
  assert.ok(first)
  const second = await store.save('two', first)
  assert.ok(second)
  assert.equal(await store.save('three', first), false)
  assert.equal(await store.save('three', undefined), false)
  assert.equal((await store.load())?.text, 'two')
})

test('one of several first saves at a time wins', async () => {
  const path = await directory()
  const saves = await Promise.all(
    Array.from({ length: 8 }, (_, i) => new FileStore(path).save(`text ${i}`, undefined)),
  )
  assert.equal(saves.filter((version) => version !== false).length, 1)
})
