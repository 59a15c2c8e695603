import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { QuietTimes } from './delivery.ts'
import { Outbox, type OutboxOptions, type Target } from './outbox.ts'
import { SendError } from './send-error.ts'
import { chat, machine, TIMES, until } from './testing/receivers.ts'
import { manyViolations, someViolation } from './testing/violations.ts'

const root = mkdtempSync(join(tmpdir(), 'guard-quiet-'))
after(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const folder = () => join(root, String(folders++))

function open(targets: Target[], options: Partial<OutboxOptions> = {}) {
  const outbox = new Outbox({ targets, times: TIMES, ...options })
  outbox.start()
  return outbox
}

function night(quiet = true) {
  const state = { quiet }
  const times: QuietTimes = { isQuiet: () => state.quiet, except: ['critical'] }
  return { state, times }
}

for (const [where, place] of [
  ['on disk', () => ({ directory: folder() })],
  ['in memory', () => ({})],
] as const) {
  describe(`quiet hours, ${where}`, () => {
    test('hold what can wait, tell what cannot, and end with a digest of all that was held', async () => {
      const slack = chat()
      const { state, times } = night()
      const outbox = open([{ name: 'slack', provider: slack.provider, quiet: times }], place())
      const held = manyViolations(3000)
      for (const violation of held.slice(0, 2500)) outbox.append(violation)
      outbox.append(someViolation({ id: 'urgent', event: 'unrepairable' }))
      for (const violation of held.slice(2500)) outbox.append(violation)
      await until(() => slack.count() === 1, 'the urgent one')
      assert.deepEqual(slack.ids(), ['urgent'])
      await sleep(300)
      assert.equal(slack.count(), 1)
      assert.deepEqual(outbox.waiting(), [['slack', 3000]])
      state.quiet = false
      outbox.append(someViolation({ id: 'morning' }))
      await until(() => slack.count() === 3002, 'the digest')
      assert.equal(new Set(slack.ids()).size, 3002)
      assert.ok(slack.messages.length <= 5, `${slack.messages.length} messages`)
      assert.match(slack.messages[1]!.title, /^1000 violations of 1000 objects$/)
      await until(() => outbox.waiting()[0]![1] === 0)
      await outbox.stop()
    })

    test('are a machine’s too, and do not delay the end of the process', async () => {
      const hook = machine()
      const { state, times } = night()
      const outbox = open([{ name: 'hook', provider: hook.provider, quiet: times }], place())
      for (const violation of manyViolations(20)) outbox.append(violation)
      await sleep(100)
      assert.deepEqual(hook.ids(), [])
      state.quiet = false
      outbox.append(someViolation({ id: 'v20' }))
      await until(() => hook.got.length === 21)
      state.quiet = true
      outbox.append(someViolation({ id: 'v21' }))
      await sleep(50)
      const started = Date.now()
      await outbox.stop(20_000)
      assert.ok(Date.now() - started < 10_000)
      assert.equal(hook.got.length, 21)
    })

    test('lose nothing where the outbox becomes full: what goes is told as a count', async () => {
      const slack = chat()
      const { state, times } = night()
      const limits = { maxBytes: 64 << 10, segmentBytes: 8 << 10, maxUnsaved: 100 }
      const lost: number[] = []
      const outbox = open([{ name: 'slack', provider: slack.provider, quiet: times }], {
        ...place(),
        limits,
        digested: (_name, count) => lost.push(count),
      })
      for (const violation of manyViolations(1000)) {
        outbox.append(violation.id === 'v500' ? { ...violation, event: 'break-glass' } : violation)
        if (violation.id.endsWith('0')) await sleep(1)
      }
      await until(() => slack.ids().includes('v500'))
      state.quiet = false
      outbox.append(someViolation({ id: 'end' }))
      await until(() => outbox.waiting()[0]![1] === 0)
      const counts = lost.reduce((sum, count) => sum + count, 0)
      assert.ok(counts > 0)
      const overflow = slack.messages.filter(({ reason }) => /as the outbox was full/.test(reason ?? ''))
      assert.equal(slack.count() - overflow.length + counts, 1001)
      await outbox.stop()
    })
  })
}

test('quiet hours outlive the process', async () => {
  const directory = folder()
  const first = open([{ name: 'slack', provider: chat().provider, quiet: night().times }], { directory })
  for (const violation of manyViolations(10)) first.append(violation)
  await sleep(50)
  await first.stop(0)
  const slack = chat()
  const { state, times } = night()
  const second = open([{ name: 'slack', provider: slack.provider, quiet: times }], { directory })
  await sleep(100)
  assert.equal(slack.count(), 0)
  state.quiet = false
  second.append(someViolation({ id: 'morning' }))
  await until(() => slack.count() === 11)
  assert.match(slack.messages[0]!.title, /^1[01] violations/)
  await second.stop()
})

test('a message that may have arrived is sent again as it was, across restarts, whatever came meanwhile', async () => {
  const directory = folder()
  const tried: string[] = []
  const slack = chat(({ ids }) => {
    tried.push(ids.join())
    throw new SendError('no answer in time')
  })
  const targets = [{ name: 'slack', provider: slack.provider }]
  const first = open(targets, { directory })
  first.append(someViolation({ id: 'a' }))
  first.append(someViolation({ id: 'b' }))
  await until(() => tried.length > 1)
  for (const violation of manyViolations(10)) first.append(violation)
  await until(() => tried.length > 4)
  await first.stop(0)
  const later = chat()
  const second = open([{ name: 'slack', provider: later.provider }], { directory })
  await until(() => later.count() === 12)
  assert.deepEqual(new Set(tried), new Set(['a,b']))
  assert.equal(later.messages[0]!.ids.join(), 'a,b')
  await second.stop()
})
