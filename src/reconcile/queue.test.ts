import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock, settle } from './manual-clock.ts'
import { WorkQueue } from './queue.ts'
import type { Again } from './queue.ts'

/** A queue whose work is written down, and ends when the test says so. */
function start(
  options: { workers?: number; work?: (key: string, payload?: string) => Again | undefined } = {},
) {
  const clock = new ManualClock(0)
  const log: string[] = []
  const open = new Map<string, (again?: Again) => void>()
  const failing = new Map<string, (error: Error) => void>()
  const failures: number[] = []
  const queue = new WorkQueue<string>({
    clock,
    workers: options.workers ?? 4,
    backoff: { first: 100, longest: 1_000 },
    random: () => 1,
    onFailed: (_key, _error, ms) => failures.push(ms),
    work: (key, payload) => {
      log.push(payload === undefined ? key : `${key}=${payload}`)
      if (options.work !== undefined) return options.work(key, payload)
      return new Promise<Again | undefined>((resolve, reject) => {
        open.set(key, resolve)
        failing.set(key, reject)
      })
    },
  })
  const end = async (key: string, again?: Again) => {
    open.get(key)!(again)
    await settle()
  }
  const fail = async (key: string) => {
    failing.get(key)!(new Error('no'))
    await settle()
  }
  return { clock, queue, log, end, fail, failures }
}

it('work with the newest payload only', async () => {
  const { queue, log } = start({ work: () => undefined })
  queue.add('a', '1')
  queue.add('a', '2')
  queue.add('b')
  await queue.idle()
  assert.deepEqual(log, ['a=2', 'b'])
})

it('keep the payload when a key is added without one', async () => {
  const { queue, log } = start({ work: () => undefined })
  queue.add('a', '1')
  queue.add('a')
  await queue.idle()
  assert.deepEqual(log, ['a=1'])
})

it('never work on one key twice at the same time', async () => {
  const { queue, log, end } = start()
  queue.add('a', '1')
  await settle()
  queue.add('a', '2')
  queue.add('a', '3')
  await settle()
  assert.deepEqual(log, ['a=1'])
  await end('a')
  assert.deepEqual(log, ['a=1', 'a=3'])
  await end('a')
  assert.deepEqual(queue.sizes, { ready: 0, working: 0, waiting: 0 })
})

it('work on as many keys as there are workers', async () => {
  const { queue, log, end } = start({ workers: 2 })
  for (const key of ['a', 'b', 'c']) queue.add(key)
  await settle()
  assert.deepEqual(log, ['a', 'b'])
  assert.deepEqual(queue.sizes, { ready: 1, working: 2, waiting: 0 })
  await end('b')
  assert.deepEqual(log, ['a', 'b', 'c'])
})

it('let a key that asks hold no worker, and give it its payload back', async () => {
  const { queue, log, end } = start({ workers: 1 })
  const { promise, resolve } = Promise.withResolvers<unknown>()
  queue.add('a', '1')
  queue.add('b')
  await settle()
  await end('a', { when: promise, keep: true })
  await end('b')
  assert.deepEqual(log, ['a=1', 'b'])
  assert.deepEqual(queue.sizes, { ready: 0, working: 0, waiting: 1 })
  resolve(undefined)
  await settle()
  assert.deepEqual(log, ['a=1', 'b', 'a=1'])
})

it('prefer a newer payload to the one that waited for an answer, and ignore the late answer', async () => {
  const { queue, log, end } = start()
  const { promise, resolve } = Promise.withResolvers<unknown>()
  queue.add('a', '1')
  await settle()
  await end('a', { when: promise, keep: true })
  queue.add('a', '2')
  await settle()
  assert.deepEqual(log, ['a=1', 'a=2'])
  await end('a', { afterMs: 1_000 })
  resolve(undefined)
  await settle()
  assert.deepEqual(log, ['a=1', 'a=2'])
})

it('go on after an answer that fails', async () => {
  const { queue, log, end } = start()
  queue.add('a', '1')
  await settle()
  await end('a', { when: Promise.reject(new Error('no')), keep: true })
  assert.deepEqual(log, ['a=1', 'a=1'])
})

it('work again after the time asked for, or at once when something is added', async () => {
  const { queue, log, end, clock } = start()
  queue.add('a')
  await settle()
  await end('a', { afterMs: 1_000 })
  await clock.advance(999)
  assert.deepEqual(log, ['a'])
  await clock.advance(1)
  assert.deepEqual(log, ['a', 'a'])
  await end('a', { afterMs: 1_000 })
  queue.add('a', 'x')
  await settle()
  assert.deepEqual(log, ['a', 'a', 'a=x'])
  await end('a')
  await clock.advance(5_000)
  assert.equal(log.length, 3)
})

it('retry what fails later and later, whatever is added, and others meanwhile', async () => {
  const { queue, log, fail, end, clock, failures } = start({ workers: 1 })
  queue.add('a', '1')
  await settle()
  await fail('a')
  queue.add('a', '2')
  queue.add('b')
  await settle()
  assert.deepEqual(log, ['a=1', 'b'])
  await end('b')
  await clock.advance(100)
  assert.deepEqual(log, ['a=1', 'b', 'a=2'])
  for (let round = 0; round < 5; round++) {
    await fail('a')
    await clock.advance(1_000)
  }
  assert.deepEqual(failures, [100, 200, 400, 800, 1_000, 1_000])
  await end('a')
  queue.add('a')
  await settle()
  await fail('a')
  assert.equal(failures.at(-1), 100)
})

it('retry work that throws', async () => {
  let times = 0
  const { queue, clock, failures } = start({
    work: () => {
      if (++times === 1) throw new Error('no')
      return undefined
    },
  })
  queue.add('a')
  await queue.idle()
  await clock.advance(100)
  assert.equal(times, 2)
  assert.equal(failures.length, 1)
})

it('start nothing while paused', async () => {
  const { queue, log } = start({ work: () => undefined })
  queue.pause()
  queue.add('a')
  await settle()
  assert.deepEqual(log, [])
  queue.resume()
  await queue.idle()
  assert.deepEqual(log, ['a'])
})

it('let other tasks run in between', async () => {
  let worked = 0
  const queue = new WorkQueue<string>({
    clock: new ManualClock(),
    workers: 1,
    slice: 1,
    work: () => {
      const end = performance.now() + 0.5
      while (performance.now() < end);
      worked++
      return undefined
    },
  })
  for (let key = 0; key < 40; key++) queue.add(String(key))
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(worked > 0 && worked < 40, String(worked))
  await queue.idle()
  assert.equal(worked, 40)
})

it('forget everything when closed', async () => {
  const { queue, log, clock, end } = start()
  queue.add('a')
  await settle()
  await end('a', { afterMs: 10 })
  queue.close()
  await clock.advance(100)
  assert.deepEqual(log, ['a'])
})

it('work at once on what failed when why it did may be gone', async () => {
  const { queue, log, fail, failures } = start()
  queue.add('a')
  await settle()
  await fail('a')
  queue.add('a')
  await settle()
  assert.deepEqual(log, ['a'])
  queue.addAtOnce('a', '1')
  await settle()
  assert.deepEqual(log, ['a', 'a=1'])
  await fail('a')
  assert.deepEqual(failures, [100, 100], 'it counts from the beginning again')
})
