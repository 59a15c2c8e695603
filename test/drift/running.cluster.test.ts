/** Rows of what is drift and what is not that only a guard that runs can show. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { runningCases } from './running-cases.ts'
import { RunningStage } from './running-stage.ts'

let stage: RunningStage
before(async () => {
  stage = await RunningStage.start()
})
after(() => stage?.stop())

for (const one of runningCases) test(`row ${one.row}: ${one.name}`, () => one.run(stage))

test('no object failed to be looked at meanwhile', async () => {
  const failed = (await stage.guard.log()).filter(({ event }) => event === 'failed')
  assert.deepEqual(failed, [])
})
