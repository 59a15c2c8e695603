import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Coalesced } from './coalesce.ts'

test('answer each question by a run that began after it, never two at once', async () => {
  let running = 0
  const runs: (readonly number[])[] = []
  const coalesced = new Coalesced<number, number>(async (questions) => {
    assert.equal(++running, 1)
    const run = runs.push(questions)
    await sleep(20)
    running--
    return run
  })
  const first = coalesced.ask(1)
  await sleep(5)
  const later = [coalesced.ask(2), coalesced.ask(3)]
  assert.equal(await first, 1)
  assert.deepEqual(await Promise.all(later), [2, 2])
  assert.deepEqual(runs, [[1], [2, 3]])
})

test('go on after a run that failed', async () => {
  let count = 0
  const coalesced = new Coalesced<void, number>(() =>
    ++count === 1 ? Promise.reject(new Error('no')) : Promise.resolve(count),
  )
  const failed = coalesced.ask()
  await assert.rejects(failed, /no/)
  assert.equal(await coalesced.ask(), 2)
  await coalesced.idle()
})
