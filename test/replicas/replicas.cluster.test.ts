import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReplicas } from './run-replicas.ts'

test('repair every write, once, while one replica after the other is killed', async (t) => {
  const { writes, kills, repairs, differing, settledSeconds, missedSeconds } = await runReplicas({
    objects: 300,
    seconds: 20,
    killEverySeconds: 5,
    downSeconds: 1,
    writesPerSecond: 50,
    kills: 2,
  })
  const missed = missedSeconds.map((seconds) => seconds.toFixed(1)).join(', ')
  t.diagnostic(
    `${writes} writes, ${kills} kills (missed after ${missed} s), ${repairs} repairs counted, all as Git says ${settledSeconds.toFixed(1)} s after the last write`,
  )
  assert.deepEqual(differing, [])
  assert.ok(kills >= 2, `${kills} kills`)
  assert.ok(repairs <= writes * 1.1, `${repairs} repairs of ${writes} writes`)
})
