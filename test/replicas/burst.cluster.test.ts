import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChatWindow } from '../../src/demo/chat-window.ts'
import { DeclaredWorld } from '../bench/declared-world.ts'
import { paced } from '../bench/storm.ts'

const WRITES = 1_000

test('repair a thousand writes in ten seconds, and tell the chat of them in a few messages', async (t) => {
  const world = await DeclaredWorld.open(WRITES)
  try {
    const chat = await ChatWindow.open()
    world.after(() => chat.close())
    const guard = await world.guard('guard', {
      more: `notify:\n  - slack: { url: { env: SLACK_URL } }\n`,
      env: { SLACK_URL: chat.url },
    })
    await guard.launch()
    await guard.ready(120_000)
    while ((await guard.metric('gitops_guard_objects', { status: 'inSync' })) < world.objects)
      await sleep(100)
    const start = performance.now()
    const seconds = () => ((performance.now() - start) / 1000).toFixed(1)
    let index = 0
    await paced(WRITES / 10, 10, async () => world.write(world.target(index++), 'rogue'))
    // What a busy machine did not begin in time.
    while (index < WRITES) await world.write(world.target(index++), 'rogue')
    const written = seconds()
    let differing = await world.differing()
    while (differing.length > 0 && performance.now() - start < 300_000) {
      await sleep(100)
      differing = await world.differing()
    }
    const repaired = seconds()
    assert.deepEqual(differing, [])
    const counted = () => guard.metric('gitops_guard_drift_repaired_total')
    while ((await counted()) < WRITES && performance.now() - start < 310_000) await sleep(100)
    assert.equal(await counted(), WRITES)
    const delivered = () => guard.metric('gitops_guard_violations_delivered_total')
    while ((await delivered()) < WRITES && performance.now() - start < 330_000) await sleep(200)
    t.diagnostic(
      `${WRITES} writes in ${written} s, all as Git says after ${repaired} s, told in ${chat.messages.length} messages after ${seconds()} s`,
    )
    assert.ok((await delivered()) >= WRITES, `${await delivered()} violations delivered`)
    assert.ok(chat.messages.length <= 30, `${chat.messages.length} messages`)
  } finally {
    await world.close()
  }
})
