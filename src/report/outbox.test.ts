import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Violation } from '../model/violation.ts'
import { Outbox, type OutboxOptions, type Target } from './outbox.ts'
import { SendError } from './send-error.ts'
import { chat, machine, TIMES, until } from './testing/receivers.ts'
import { manyViolations, someViolation } from './testing/violations.ts'

const root = mkdtempSync(join(tmpdir(), 'guard-outbox-'))
after(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const folder = () => join(root, String(folders++))

function open(targets: Target[], options: Partial<OutboxOptions> = {}) {
  const problems: string[] = []
  const outbox = new Outbox({
    targets,
    times: TIMES,
    onProblem: (problem) => problems.push(problem),
    ...options,
  })
  outbox.start()
  return { outbox, problems }
}

const idsOf = (violations: readonly Violation[]) => violations.map(({ id }) => id)
const names = (count: number) => Array.from({ length: count }, (_, index) => `v${index}`)

for (const [where, place] of [
  ['on disk', () => ({ directory: folder() })],
  ['in memory', () => ({})],
] as const) {
  describe(`an outbox ${where}`, () => {
    test('tells one burst of the same in one message', async () => {
      const slack = chat()
      const { outbox } = open([{ name: 'slack', provider: slack.provider }], place())
      for (let index = 0; index < 50; index++) outbox.append(someViolation({ id: `b${index}` }))
      await until(() => slack.count() === 50)
      assert.equal(slack.messages.length, 1)
      assert.match(slack.messages[0]!.title, /×50$/)
      await outbox.stop()
    })

    test('tells a thousand different ones in few digests that count them all', async () => {
      const slack = chat()
      const { outbox } = open([{ name: 'slack', provider: slack.provider }], place())
      for (const violation of manyViolations(1000)) outbox.append(violation)
      await until(() => slack.count() === 1000)
      assert.deepEqual(new Set(slack.ids()), new Set(names(1000)))
      assert.ok(slack.messages.length <= 2, `${slack.messages.length} messages`)
      await outbox.stop()
    })

    test('tells a machine of each by itself, each once', async () => {
      const hook = machine()
      const { outbox } = open([{ name: 'hook', provider: hook.provider }], place())
      for (const violation of manyViolations(100)) outbox.append(violation)
      await until(() => hook.got.length >= 100)
      assert.deepEqual(hook.ids().toSorted(), names(100).toSorted())
      assert.deepEqual(outbox.waiting(), [['hook', 0]])
      await outbox.stop()
    })

    test('delays no one for a target that is down or hangs, and delivers to it when it is back', async () => {
      let down = true
      const slack = chat(() => {
        if (down) throw new SendError('cannot reach slack')
      })
      const hanging = chat(() => new Promise((resolve) => setTimeout(resolve, 60_000).unref()))
      const hook = machine()
      const failures: number[] = []
      const { outbox } = open(
        [
          { name: 'slack', provider: slack.provider },
          { name: 'hanging', provider: hanging.provider },
          { name: 'hook', provider: hook.provider },
        ],
        { ...place(), failed: (_name, _error, ms) => failures.push(ms) },
      )
      for (const violation of manyViolations(10)) outbox.append(violation)
      await until(() => hook.got.length === 10, 'the webhook')
      await until(() => failures.length > 3, 'retries')
      assert.equal(slack.messages.length, 0)
      assert.deepEqual(Object.fromEntries(outbox.waiting()), { slack: 10, hanging: 10, hook: 0 })
      down = false
      await until(() => slack.count() === 10, 'the chat')
      assert.deepEqual(slack.ids().toSorted(), names(10).toSorted())
      void outbox.stop(0)
    })

    test('waits as long as a receiver asks', async () => {
      const at: number[] = []
      const slack = chat(() => {
        at.push(Date.now())
        if (at.length === 1) throw new SendError('slow down', { answered: true, retryAfterMs: 300 })
      })
      const { outbox } = open([{ name: 'slack', provider: slack.provider }], place())
      outbox.append(someViolation())
      await until(() => slack.count() === 1)
      assert.ok(at[1]! - at[0]! >= 299, `${at[1]! - at[0]!} ms`)
      await outbox.stop()
    })

    test('puts what is refused for good into the dead-letter list, and sends it again when asked', async () => {
      let broken = true
      const hook = machine(({ id }) => {
        if (broken && id === 'v3') throw new SendError('answers 400', { answered: true, permanent: true })
      })
      const dead: number[] = []
      const { outbox } = open([{ name: 'hook', provider: hook.provider }], {
        ...place(),
        givenUp: (_name, _error, count) => dead.push(count),
      })
      for (const violation of manyViolations(6)) outbox.append(violation)
      await until(() => hook.got.length === 5 && dead.length === 1)
      const [letter] = outbox.deadLetters()
      assert.deepEqual(
        [letter!.provider, letter!.error, idsOf(letter!.violations)],
        ['hook', 'answers 400', ['v3']],
      )
      assert.equal(outbox.resend('no-such'), false)
      broken = false
      assert.equal(outbox.resend(letter!.id), true)
      await until(() => hook.got.length === 6)
      assert.deepEqual(outbox.deadLetters(), [])
      await outbox.stop()
    })

    test('sets a message aside that a receiver keeps failing on, so that others go', async () => {
      const hook = machine(({ id }) => {
        if (id === 'v0') throw new SendError('answers 500', { answered: true })
      })
      const { outbox } = open([{ name: 'hook', provider: { ...hook.provider, parallel: 1 } }], place())
      for (const violation of manyViolations(20)) outbox.append(violation)
      await until(() => hook.got.length === 19)
      assert.equal(Object.fromEntries(outbox.waiting())['hook'], 1)
      assert.deepEqual(outbox.deadLetters(), [])
      await outbox.stop(50)
    })

    test('gives up after a day, into the dead-letter list', async () => {
      const hook = machine(() => {
        throw new SendError('cannot reach it')
      })
      const { outbox } = open([{ name: 'hook', provider: hook.provider }], place())
      outbox.append(someViolation({ time: new Date(Date.now() - 25 * 3_600_000).toISOString() }))
      await until(() => outbox.deadLetters().length === 1)
      assert.deepEqual(outbox.waiting(), [['hook', 0]])
      await outbox.stop(50)
    })

    test('tells each target only of what it is for', async () => {
      const some = machine()
      const { outbox } = open(
        [
          {
            name: 'hook',
            provider: some.provider,
            only: { namespaces: ['shop'], events: ['denied'], kinds: ['apps/*'], sources: ['sh*'] },
          },
        ],
        place(),
      )
      const other = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' }
      outbox.append(someViolation({ id: 'yes' }))
      outbox.append(someViolation({ id: 'event', event: 'drift' }))
      outbox.append(someViolation({ id: 'kind', object: other }))
      outbox.append(someViolation({ id: 'namespace', object: { ...someViolation().object, namespace: 'x' } }))
      outbox.append(someViolation({ id: 'source', source: 'other' }))
      await until(() => outbox.waiting()[0]![1] === 0)
      assert.deepEqual(some.ids(), ['yes'])
      await outbox.stop()
    })

    test('tells of those that it had no room for as a count, never silently', async () => {
      let down = true
      const slack = chat(() => {
        if (down) throw new SendError('cannot reach slack')
      })
      const digested: number[] = []
      const limits = { maxBytes: 64 << 10, segmentBytes: 8 << 10, maxUnsaved: 100 }
      const one = { ...place(), limits, digested: (_name: string, count: number) => digested.push(count) }
      const { outbox, problems } = open([{ name: 'slack', provider: slack.provider }], one)
      await sleep(20)
      for (const violation of manyViolations(6000)) {
        outbox.append(violation)
        if (violation.id.endsWith('00')) await sleep(1)
      }
      assert.match(problems.join(), /is full: the oldest violations are told as a count only/)
      const lost = digested.reduce((sum, count) => sum + count, 0)
      assert.ok(lost > 0)
      down = false
      await until(() => outbox.waiting()[0]![1] === 0)
      const overflow = slack.messages.filter(({ reason }) => /as the outbox was full/.test(reason ?? ''))
      const counted = overflow.reduce(
        (sum, { reason }) => sum + Number(/^(\d+) violations/.exec(reason!)![1]),
        0,
      )
      assert.equal(counted, lost)
      assert.equal(slack.count() - overflow.length + counted, 6000)
      await outbox.stop()
    })

    test('changes its targets without losing or repeating anything', async () => {
      const [gone, stays, comes] = [machine(), machine(), machine()]
      let hang = true
      const slow = machine(() => (hang ? new Promise((resolve) => setTimeout(resolve, 100)) : undefined))
      const one = (name: string, { provider }: { provider: Target['provider'] }) => ({ name, provider })
      const { outbox } = open([one('gone', gone), one('stays', stays), one('slow', slow)], place())
      for (const violation of manyViolations(6)) outbox.append(violation)
      await until(() => stays.got.length === 6)
      const changed = outbox.retarget([one('stays', stays), one('slow', slow), one('comes', comes)])
      outbox.append(someViolation({ id: 'meanwhile' }))
      await changed
      hang = false
      outbox.append(someViolation({ id: 'after' }))
      await until(() => outbox.waiting().every(([, count]) => count === 0))
      assert.deepEqual(stays.ids().toSorted(), [...names(6), 'meanwhile', 'after'].toSorted())
      assert.deepEqual(slow.ids().toSorted(), [...names(6), 'meanwhile', 'after'].toSorted())
      assert.deepEqual(comes.ids().toSorted(), ['after', 'meanwhile'])
      assert.ok(!gone.ids().includes('after'))
      await outbox.retarget([])
      outbox.append(someViolation({ id: 'nobody' }))
      await outbox.stop()
    })

    test('delivers what is left at once when it is stopped', async () => {
      const slack = chat()
      const { outbox } = open([{ name: 'slack', provider: slack.provider }], {
        ...place(),
        times: { ...TIMES, bundle: { window: 60_000, burst: 60_000, hold: 60_000, holdMost: 60_000 } },
      })
      outbox.append(someViolation())
      await outbox.stop()
      assert.equal(slack.count(), 1)
    })
  })
}

describe('an outbox on disk', () => {
  const down = () => {
    throw new SendError('down')
  }

  test('goes on where a process before it stopped, and repeats nothing', async () => {
    const directory = folder()
    const [hook, slack] = [machine(), chat(down)]
    const before = open(
      [
        { name: 'hook', provider: hook.provider },
        { name: 'slack', provider: slack.provider },
      ],
      { directory },
    )
    for (const violation of manyViolations(5)) before.outbox.append(violation)
    await until(() => hook.got.length === 5)
    await before.outbox.stop(0)
    const [again, chatAgain] = [machine(), chat()]
    const next = open(
      [
        { name: 'hook', provider: again.provider },
        { name: 'slack', provider: chatAgain.provider },
      ],
      { directory },
    )
    next.outbox.append(someViolation({ id: 'new' }))
    await until(() => again.got.length === 1 && chatAgain.count() === 6)
    assert.deepEqual(again.ids(), ['new'])
    await next.outbox.stop()
  })

  test('begins with what is new for a target that is new, and says what one that is gone was not told', async () => {
    const directory = folder()
    const before = open([{ name: 'old', provider: machine(down).provider }], { directory })
    before.outbox.append(someViolation({ id: 'a' }))
    await before.outbox.stop(0)
    const hook = machine()
    const next = open([{ name: 'new', provider: hook.provider }], { directory })
    next.outbox.append(someViolation({ id: 'b' }))
    await until(() => hook.got.length > 0)
    assert.deepEqual(hook.ids(), ['b'])
    assert.match(next.problems.join(), /old is not in the configuration any more/)
    await next.outbox.stop()
  })

  test('stands a torn and a damaged line', async () => {
    const directory = folder()
    const before = open([{ name: 'hook', provider: machine(down).provider }], { directory })
    for (const violation of manyViolations(3)) before.outbox.append(violation)
    await before.outbox.stop(0)
    const journal = join(directory, 'journal')
    const file = join(journal, readdirSync(journal)[0]!)
    const lines = readFileSync(file, 'utf8').split('\n')
    lines[1] = lines[1]!.slice(0, 40)
    writeFileSync(file, lines.join('\n'))
    appendFileSync(file, '{"seq":4,"violation":{"id":"to')
    const hook = machine()
    const next = open([{ name: 'hook', provider: hook.provider }], { directory })
    next.outbox.append(someViolation({ id: 'new' }))
    await until(() => hook.got.length === 3)
    assert.deepEqual(hook.ids(), ['v0', 'v2', 'new'])
    assert.match(next.problems.join(), /damaged line/)
    await until(() => next.outbox.waiting()[0]![1] === 0)
    await next.outbox.stop()
  })

  test('lets go of what everybody was told', async () => {
    const directory = folder()
    const hook = machine()
    const { outbox } = open([{ name: 'hook', provider: hook.provider }], {
      directory,
      limits: { segmentBytes: 4 << 10 },
    })
    for (const violation of manyViolations(200)) outbox.append(violation)
    await until(() => hook.got.length === 200)
    assert.ok(readdirSync(join(directory, 'journal')).length <= 2)
    await outbox.stop()
  })

  test('keeps violations in memory while the disk takes none, says so, and saves them when it does', async () => {
    const directory = folder()
    let refuse = true
    const slack = chat(() => {
      if (refuse) down()
    })
    const hook = machine()
    const targets = [
      { name: 'hook', provider: hook.provider },
      { name: 'slack', provider: slack.provider },
    ]
    const { outbox, problems } = open(targets, { directory, limits: { segmentBytes: 4 << 10 } })
    for (const violation of manyViolations(10)) outbox.append(violation)
    // No file of the journal can be made where folders bear their names.
    const blocked = Array.from({ length: 41 }, (_, index) =>
      join(directory, 'journal', `${String(index).padStart(15, '0')}.jsonl`),
    )
    const made = blocked.filter((path) => !existsSync(path))
    for (const path of made) mkdirSync(path)
    for (const violation of manyViolations(40).slice(10)) outbox.append(violation)
    await until(() => hook.got.length >= 40, 'delivery without a disk')
    assert.match(problems.join(), /cannot be written: violations wait in memory/)
    for (const path of made) rmSync(path, { recursive: true })
    await sleep(1050)
    outbox.append(someViolation({ id: 'v40' }))
    await outbox.stop(0)
    refuse = false
    const later = chat()
    const next = open([targets[0]!, { name: 'slack', provider: later.provider }], { directory })
    await until(() => new Set(later.ids()).size === 41, 'the chat')
    assert.deepEqual(new Set(later.ids()), new Set(names(41)))
    assert.deepEqual(new Set(hook.ids()), new Set(names(41)))
    assert.equal(hook.got.length, 41)
    await next.outbox.stop()
  })

  test('goes on when somebody removes its files', async () => {
    const directory = folder()
    const hook = machine()
    const { outbox, problems } = open([{ name: 'hook', provider: hook.provider }], { directory })
    outbox.append(someViolation({ id: 'a' }))
    await until(() => hook.got.length === 1)
    rmSync(join(directory, 'journal'), { recursive: true })
    outbox.append(someViolation({ id: 'lost' }))
    await until(() => problems.length > 0)
    assert.match(problems[0]!, /cannot be read/)
    outbox.append(someViolation({ id: 'b' }))
    await until(() => hook.got.length === 2)
    assert.deepEqual(hook.ids(), ['a', 'b'])
    await until(() => outbox.waiting()[0]![1] === 0)
    await outbox.stop()
  })

  test('takes hundreds of violations a second, one write each', () => {
    const directory = folder()
    mkdirSync(directory, { recursive: true })
    const outbox = new Outbox({
      directory,
      targets: [{ name: 'slack', provider: chat(down).provider }],
      times: TIMES,
    })
    const violations = manyViolations(5000)
    const started = performance.now()
    for (const violation of violations) outbox.append(violation)
    const perSecond = 5000 / ((performance.now() - started) / 1000)
    assert.ok(perSecond > 500, `${Math.round(perSecond)} a second`)
  })
})

test('call nobody, and keep nothing, where nobody is to be told', async () => {
  const { outbox } = open([], { directory: folder() })
  outbox.append(someViolation())
  assert.deepEqual(outbox.waiting(), [])
  await outbox.stop()
})
