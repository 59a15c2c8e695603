import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { makeMessage } from './message.ts'
import { SendError } from './send-error.ts'
import { SlackApi } from './slack-api.ts'
import { ThreadStore } from './threads.ts'
import { slackMessage } from './slack-blocks.ts'
import { slackWebhook } from './slack.ts'
import { anyViolation } from './testing/any-violation.ts'
import { httpStandIn } from './testing/http-stand-in.ts'
import { slackProblems } from './testing/slack-rules.ts'
import { manyViolations, someViolation } from './testing/violations.ts'

const secret = (value: string) => ({ read: () => Promise.resolve(value) })
const signal = () => AbortSignal.timeout(5000)
const repositoryOf = () => 'https://github.com/shop/shop.git'

describe("Slack's Block Kit", () => {
  test('says who, what, where, what changed, what was done, with links into Git', () => {
    const { blocks, text } = slackMessage(makeMessage([someViolation()], { repositoryOf }))
    assert.deepEqual(slackProblems({ blocks, text }), [])
    const all = JSON.stringify(blocks)
    for (const part of [
      '⛔ Refused: Deployment shop/web',
      '*Who*\\n`alice`',
      'spec.replicas: 2 → 9',
      '<https://github.com/shop/shop/blob/0123456789abcdef0123456789abcdef01234567/clusters/prod/web.yaml#L12|clusters/prod/web.yaml:12>',
      '0123456789ab>',
      '*Refused.*',
      'a1b2c3d4e5f6',
    ])
      assert.ok(all.includes(part), `${part} is not in ${all}`)
  })

  test('makes mentions, links and markup from outside inert', () => {
    const nasty = '<!channel> <https://evil.example|click> &lt; *bold* `code` ``` http://evil.example'
    const violation = someViolation({
      actor: { username: nasty, groups: [], authenticated: true },
      reason: nasty,
      object: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: nasty },
      changes: [{ path: '/data/a', op: 'replace', desired: nasty, live: nasty }],
    })
    const payload = slackMessage(makeMessage([violation]))
    assert.deepEqual(slackProblems(payload), [])
    assert.doesNotMatch(JSON.stringify(payload.blocks.slice(1)), /<!channel>|<https:\/\/evil/)
  })

  test('stays within the limits whatever the violations hold', () => {
    fc.assert(
      fc.property(fc.array(anyViolation, { minLength: 1, maxLength: 30 }), (violations) => {
        assert.deepEqual(slackProblems(slackMessage(makeMessage(violations, { repositoryOf }))), [])
      }),
      { numRuns: 200 },
    )
  })

  test('holds a digest of a thousand objects', () => {
    const payload = slackMessage(makeMessage(manyViolations(1000)))
    assert.deepEqual(slackProblems(payload), [])
    assert.match(JSON.stringify(payload), /1000 violations of 1000 objects/)
  })
})

describe('an incoming webhook', () => {
  test('is posted to, as JSON', async () => {
    const slack = await httpStandIn(({ body }) =>
      slackProblems(JSON.parse(body)).length > 0 ? { status: 400, body: 'invalid_blocks' } : {},
    )
    await slackWebhook({ url: secret(`${slack.url}/services/T/B/hunter2`) }).send(
      makeMessage([someViolation()]),
      signal(),
    )
    assert.equal(slack.received.length, 1)
    assert.match(slack.received[0]!.headers['content-type'] ?? '', /^application\/json/)
    await slack.close()
  })

  test('fails for good where the message is wrong, and for now where Slack or the URL is', async () => {
    const answers = [
      { status: 400, body: 'invalid_payload' },
      { status: 404, body: 'no_service' },
      { status: 429, headers: { 'Retry-After': '30' }, body: 'rate_limited' },
      { status: 500, body: '<html>' },
      { hangUp: true },
      { status: 302, headers: { location: 'https://elsewhere.example' } },
    ]
    const slack = await httpStandIn((_request, count) => answers[count - 1]!)
    const provider = slackWebhook({ url: secret(`${slack.url}/services/T/B/hunter2`) })
    const seen: unknown[] = []
    for (let left = answers.length; left > 0; left--) {
      const error: unknown = await provider
        .send(makeMessage([someViolation()]), signal())
        .catch((it: unknown) => it)
      assert.ok(error instanceof SendError)
      assert.doesNotMatch(error.message, /hunter2|services/)
      seen.push([error.permanent, error.answered, error.retryAfterMs])
    }
    assert.deepEqual(seen, [
      [true, true, undefined],
      [false, true, undefined],
      [false, true, 30_000],
      [false, true, undefined],
      [false, false, undefined],
      [false, true, undefined],
    ])
    await slack.close()
    await assert.rejects(
      provider.send(makeMessage([someViolation()]), signal()),
      /cannot reach 127\.0\.0\.1:\d+: /,
    )
  })
})

describe("Slack's Web API", () => {
  test('posts to the channel, and keeps an object in one thread, over restarts', async () => {
    const slack = await httpStandIn(({ body, headers }, count) => {
      const problems = slackProblems(JSON.parse(body))
      if (headers.authorization !== 'Bearer xoxb-1') return { body: '{"ok":false,"error":"invalid_auth"}' }
      return {
        body: JSON.stringify(
          problems.length > 0 ? { ok: false, error: 'invalid_blocks' } : { ok: true, ts: `${count}.0` },
        ),
      }
    })
    const file = join(await mkdtemp(join(tmpdir(), 'guard-slack-')), 'threads.jsonl')
    const [other] = manyViolations(1)
    for (const one of [someViolation(), someViolation({ event: 'repaired', id: 'x' }), other!]) {
      // As after a restart each time.
      const options = { token: secret('xoxb-1'), channel: '#prod', api: `${slack.url}/api/` }
      const provider = new SlackApi(options, new ThreadStore({ file }))
      await provider.send(makeMessage([one]), signal())
    }
    const sent = slack.received.map(({ path, body }) => ({
      path,
      ...(JSON.parse(body) as { channel: string; thread_ts?: string }),
    }))
    assert.deepEqual(
      sent.map(({ path, channel, thread_ts }) => [path, channel, thread_ts]),
      [
        ['/api/chat.postMessage', '#prod', undefined],
        ['/api/chat.postMessage', '#prod', '1.0'],
        ['/api/chat.postMessage', '#prod', undefined],
      ],
    )
    await slack.close()
  })

  test('begins a new thread where the old one was deleted', async () => {
    const answers = [
      '{"ok":true,"ts":"1.0"}',
      '{"ok":false,"error":"thread_not_found"}',
      '{"ok":true,"ts":"2.0"}',
    ]
    const slack = await httpStandIn((_request, count) => ({ body: answers[count - 1]! }))
    const provider = new SlackApi({ token: secret('t'), channel: 'C1', api: slack.url })
    await provider.send(makeMessage([someViolation()]), signal())
    await provider.send(makeMessage([someViolation()]), signal())
    const threads = slack.received.map(({ body }) => (JSON.parse(body) as { thread_ts?: string }).thread_ts)
    assert.deepEqual(threads, [undefined, '1.0', undefined])
    await slack.close()
  })

  test('tells a wrong message from a wrong token or channel', async () => {
    const answers = ['invalid_blocks', 'invalid_auth', 'channel_not_found', 'ratelimited']
    const slack = await httpStandIn((_request, count) => ({
      body: JSON.stringify({ ok: false, error: answers[count - 1] }),
    }))
    const provider = new SlackApi({ token: secret('hunter2'), channel: 'C1', api: slack.url })
    const seen: unknown[] = []
    for (let left = answers.length; left > 0; left--) {
      const error = (await provider
        .send(makeMessage([someViolation()]), signal())
        .catch((it: unknown) => it)) as SendError
      assert.doesNotMatch(error.message, /hunter2/)
      seen.push(error.permanent)
    }
    assert.deepEqual(seen, [true, false, false, false])
    await slack.close()
  })
})
