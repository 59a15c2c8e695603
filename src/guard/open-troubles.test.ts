import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Violation } from '../model/violation.ts'
import type { Finding, Status } from '../reconcile/events.ts'
import { makeMessage } from '../report/message.ts'
import { OpenTroubles } from './open-troubles.ts'

const ref = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
const finding: Finding = {
  id: 'f1',
  ref,
  apiVersion: 'apps/v1',
  drift: 'modified',
  source: 'shop',
  origin: { file: 'web.yaml', line: 3, revision: 'abc' },
  changes: [],
  actor: { username: 'alice', groups: [], extra: {}, authenticated: true },
  remedy: 'alert',
  reason: 'alert-only',
  seenAt: 0,
}

function open(file?: string) {
  const sent: Violation[] = []
  const clock = { now: 1_000_000 }
  const troubles = new OpenTroubles({
    file,
    send: (violation) => sent.push(violation),
    owns: () => true,
    now: () => clock.now,
  })
  let status: Status | undefined = 'modified'
  const look = (next: Status | undefined = status, conditions: Parameters<OpenTroubles['look']>[1] = []) => {
    status = next
    troubles.look(() => next, conditions)
  }
  return { troubles, sent, clock, look }
}

test('tell once that a difference is over, in the thread that told of it', () => {
  const { troubles, sent, look } = open()
  troubles.told(finding)
  look('modified')
  assert.equal(sent.length, 0)
  look('inSync')
  look('inSync')
  assert.equal(sent.length, 1)
  const [violation] = sent
  assert.deepEqual([violation!.event, violation!.rule], ['resolved', 'modified'])
  const message = makeMessage(sent)
  assert.equal(message.title, 'Over: Deployment shop/web')
  assert.equal(message.thread, 'apps/Deployment/shop/web')
  assert.equal(message.tone, 'good')
})

test('tell of an urgent condition at once, and once', () => {
  const { sent, look } = open()
  const refused = { name: 'registration', ok: false, urgent: true, reason: 'a policy refuses it' }
  look('modified', [refused])
  look('modified', [refused])
  assert.deepEqual(
    sent.map(({ event, reason }) => [event, reason]),
    [['trouble', 'registration: a policy refuses it']],
  )
  look('modified', [])
  assert.equal(sent.at(-1)?.event, 'resolved')
})

test('tell nothing of what another message said, and of what was never told', () => {
  const { troubles, sent, look } = open()
  troubles.told(finding)
  troubles.settled(ref)
  troubles.over(ref)
  look('inSync')
  assert.equal(sent.length, 0)
})

test('tell after a restart what ended meanwhile, and why where Git let go of it', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'guard-open-')), 'open.json')
  const before = open(file)
  before.troubles.told(finding, 'agent-lags')
  before.look('pending')
  const after = open(file)
  after.troubles.look(() => undefined, [])
  assert.equal(after.sent.length, 1)
  assert.match(after.sent[0]!.reason, /^Git does not declare .*web any more$/)
  assert.equal(after.sent[0]!.rule, 'agent-lags')
})

test('tell what is wrong with the guard when it lasts, and when it is well again', () => {
  const { sent, clock, look } = open()
  const down = [{ name: 'git/shop', ok: false, reason: 'no answer' }]
  look('inSync', down)
  clock.now += 60_000
  look('inSync', [])
  look('inSync', down)
  clock.now += 170_000
  look('inSync', down)
  assert.equal(sent.length, 0)
  clock.now += 20_000
  look('inSync', down)
  look('inSync', down)
  assert.deepEqual(
    sent.map(({ event, rule, source }) => [event, rule, source]),
    [['trouble', 'git', 'shop']],
  )
  assert.equal(makeMessage(sent).summary, 'git/shop: no answer')
  look('inSync', [{ name: 'git/shop', ok: true }])
  assert.equal(sent[1]!.event, 'resolved')
  assert.equal(makeMessage([sent[1]!]).thread, makeMessage([sent[0]!]).thread)
})
