import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Semaphore } from './semaphore.ts'

it('let no more in than it has room for, also after failures', async () => {
  const gate = new Semaphore(2)
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    throw new Error('no')
  }
  const results = await Promise.allSettled(Array.from({ length: 9 }, () => gate.run(work)))
  assert.equal(most, 2)
  assert.ok(results.every(({ status }) => status === 'rejected'))
  assert.equal(await gate.run(() => Promise.resolve(1)), 1)
})
