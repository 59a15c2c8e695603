import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import type { NotifyTarget } from '../config/types.ts'
import { renderMessage } from './chat-terminal.ts'
import { discordMessage } from './discord.ts'
import { googleChatMessage } from './google-chat.ts'
import { matrixMessage } from './matrix.ts'
import { mattermostMessage } from './mattermost.ts'
import { makeMessage, type Message } from './message.ts'
import { providerOf } from './provider-of.ts'
import { SendError } from './send-error.ts'
import { teamsMessage } from './teams.ts'
import { slackMessage } from './slack-blocks.ts'
import { anyViolation } from './testing/any-violation.ts'
import {
  discordProblems,
  googleChatProblems,
  matrixProblems,
  mattermostProblems,
  teamsProblems,
} from './testing/chat-rules.ts'
import { hostileViolations } from './testing/hostile.ts'
import { httpStandIn } from './testing/http-stand-in.ts'
import { slackProblems } from './testing/slack-rules.ts'
import { manyViolations, someViolation } from './testing/violations.ts'

const repositoryOf = () => 'https://gitlab.example/shop/shop'
/** Whoever owns it is called, in each chat by an id of its kind. */
const mentionsOf = () => ({
  slack: 'S0123ABCD',
  teams: 'dana@shop.example',
  discord: '&123456789',
  mattermost: 'shop-team',
  googlechat: '1234567890',
  matrix: '@dana:shop.example',
})
const secret = (value: string) => ({ read: () => Promise.resolve(value) })

const chats: [string, (message: Message) => unknown, (payload: unknown) => string[]][] = [
  ['Slack', slackMessage, slackProblems],
  ['Teams', teamsMessage, teamsProblems],
  ['Discord', discordMessage, discordProblems],
  ['Mattermost', mattermostMessage, mattermostProblems],
  ['Google Chat', googleChatMessage, googleChatProblems],
  ['Matrix', matrixMessage, matrixProblems],
]

for (const [name, render, problems] of chats) {
  describe(name, () => {
    test('is told who, what, where, and where in Git', () => {
      const payload = render(makeMessage([someViolation()], { repositoryOf }))
      assert.deepEqual(problems(payload), [])
      const text = JSON.stringify(payload)
      for (const part of [
        'alice',
        'Deployment',
        'spec.replicas: 2 → 9',
        'Refused.',
        'a1b2c3d4e5f6',
        '/-/blob/0123456789abcdef',
        'web.yaml#L12',
      ])
        assert.ok(text.includes(part), `${part} is not in ${text}`)
    })

    test('is told of a thousand objects in one digest', () => {
      const payload = render(makeMessage(manyViolations(1000)))
      assert.deepEqual(problems(payload), [])
      assert.match(JSON.stringify(payload), /1000 violations of 1000 objects/)
    })

    test('takes whatever violations hold: within limits, and nothing in it is live', () => {
      fc.assert(
        fc.property(fc.array(anyViolation, { minLength: 1, maxLength: 20 }), (violations) => {
          assert.deepEqual(problems(render(makeMessage(violations, { repositoryOf }))), [])
        }),
        { numRuns: 100 },
      )
    })

    test('takes the worst that violations can hold: within limits, nothing live, nothing cut in half', () => {
      const failed = hostileViolations().flatMap(([what, violations]) =>
        [repositoryOf, () => undefined].flatMap((repositoryOf) =>
          problems(render(makeMessage(violations, { repositoryOf, mentionsOf }))).map(
            (it) => `${what}: ${it}`,
          ),
        ),
      )
      assert.deepEqual(failed, [])
    })

    test('shows as much as fits: a long reason and many changes are cut, not left out', () => {
      const changes = Array.from({ length: 10_000 }, (_, n) => ({
        path: `/data/key-${n}`,
        op: 'replace' as const,
        desired: 'a',
        live: 'b',
      }))
      const text = JSON.stringify(
        render(makeMessage([someViolation({ changes, reason: 'why '.repeat(2000) })])),
      )
      assert.match(text, /data\.key-0: a → b.*and 99\d\d more.*why why why/s)
    })
  })
}

describe('a target of the configuration', () => {
  const url = secret('')
  const specs = (base: string): [NotifyTarget, RegExp][] => [
    [{ slack: { url: secret(`${base}/slack`) } }, /^POST \/slack$/],
    [{ slack: { token: secret('t'), channel: 'C', api: `${base}/api` } }, /^POST \/api\/chat\.postMessage$/],
    [{ teams: { url: secret(`${base}/teams`) } }, /^POST \/teams$/],
    [{ discord: { url: secret(`${base}/discord`) } }, /^POST \/discord\?wait=true$/],
    [{ mattermost: { url: secret(`${base}/mm`) } }, /^POST \/mm$/],
    [
      { googlechat: { url: secret(`${base}/v1?key=k`) } },
      /^POST \/v1\?key=k&requestId=[\da-f]{32}&messageReplyOption=REPLY/,
    ],
    [
      { matrix: { homeserver: `${base}/`, room: '!r:h', token: secret('t') } },
      /^PUT \/_matrix\/client\/v3\/rooms\/!r%3Ah\/send\/m\.room\.message\/[\da-f]{32}$/,
    ],
    [{ webhook: { url: secret(`${base}/hook`) } }, /^POST \/hook$/],
    [{ cloudevents: { url: secret(`${base}/events`), mode: 'binary' } }, /^POST \/events$/],
  ]

  test('becomes its provider, which posts where it should', async () => {
    const server = await httpStandIn(() => ({ body: '{"ok":true,"ts":"1"}' }))
    for (const [spec, wanted] of specs(server.url)) {
      const provider = providerOf(spec)
      if (provider.takes === 'messages')
        await provider.send(makeMessage([someViolation()]), AbortSignal.timeout(5000))
      else await provider.send(someViolation(), AbortSignal.timeout(5000))
      const { method, path } = server.received.at(-1)!
      assert.match(`${method} ${path}`, wanted)
    }
    assert.equal(server.received.length, 9)
    await server.close()
  })

  test('bears a repeated message under the same key where the receiver knows such keys', async () => {
    const server = await httpStandIn()
    const provider = providerOf({ matrix: { homeserver: server.url, room: '!r:h', token: secret('t') } })
    assert.ok(provider.takes === 'messages')
    for (const id of ['a', 'a', 'b'])
      await provider.send(makeMessage([someViolation({ id })]), AbortSignal.timeout(5000))
    const [first, second, third] = server.received.map(({ path }) => path)
    assert.equal(first, second)
    assert.notEqual(first, third)
    await server.close()
  })

  test('writes into the post of its object in a forum of Discord, and begins anew where that is gone', async () => {
    const answers = [
      '{"id":"1","channel_id":"77"}',
      '{"id":"2","channel_id":"77"}',
      '',
      '{"channel_id":"88"}',
    ]
    const server = await httpStandIn((_request, count) =>
      count === 3
        ? { status: 404, body: '{"message": "Unknown Channel", "code": 10003}' }
        : { body: answers[count - 1]! },
    )
    const provider = providerOf({ discord: { url: secret(server.url), forum: true } })
    assert.ok(provider.takes === 'messages')
    for (const id of ['a', 'b', 'c'])
      await provider.send(makeMessage([someViolation({ id })]), AbortSignal.timeout(5000))
    assert.deepEqual(
      server.received.map(({ path, body }) => [
        path,
        (JSON.parse(body) as { thread_name?: string }).thread_name,
      ]),
      [
        ['/?wait=true', 'Deployment shop/web'],
        ['/?wait=true&thread_id=77', undefined],
        ['/?wait=true&thread_id=77', undefined],
        ['/?wait=true', 'Deployment shop/web'],
      ],
    )
    await server.close()
  })

  test('waits as long as the answer says, wherever it says it', async () => {
    const bodies = [
      '{"retry_after": 1.5, "global": false}',
      '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}',
    ]
    const server = await httpStandIn((_request, count) => ({ status: 429, body: bodies[count - 1]! }))
    const provider = providerOf({ discord: { url: secret(server.url) } })
    assert.ok(provider.takes === 'messages')
    for (const wanted of [1500, 2000]) {
      const error: unknown = await provider
        .send(makeMessage([someViolation()]), AbortSignal.timeout(5000))
        .catch((it: unknown) => it)
      assert.ok(error instanceof SendError)
      assert.equal(error.retryAfterMs, wanted)
    }
    await server.close()
  })

  test('fails clearly where its URL is none', async () => {
    for (const spec of [{ discord: { url } }, { teams: { url } }, { googlechat: { url } }]) {
      const provider = providerOf(spec)
      assert.ok(provider.takes === 'messages')
      await assert.rejects(
        provider.send(makeMessage([someViolation()]), AbortSignal.timeout(5000)),
        /the configured URL is none/,
      )
    }
  })
})

describe('a terminal', () => {
  test('shows a message as a chat would', () => {
    const text = renderMessage(makeMessage([someViolation()]), { color: false })
    assert.equal(
      text,
      [
        '┃ Refused: Deployment shop/web',
        '┃ alice tried to change Deployment shop/web: spec.replicas: 2 → 9. Refused.',
        '┃ Who: alice',
        '┃ What: change Deployment shop/web',
        '┃ Namespace: shop',
        '┃ Source: shop',
        '┃ Rule: declared-object',
        '┃   spec.replicas: 2 → 9',
        '┃ Git declares Deployment shop/web.',
        '┃ Change clusters/prod/web.yaml, line 12, instead.',
        '┃ Refused.',
        '┃ clusters/prod/web.yaml:12 at 0123456789ab · id a1b2c3d4e5f6 · 2026-11-24T10:00:00.000Z',
      ].join('\n'),
    )
  })

  test('keeps to its width, and lets through no escapes but its own', () => {
    fc.assert(
      fc.property(fc.array(anyViolation, { minLength: 1, maxLength: 5 }), (violations) => {
        const plain = renderMessage(makeMessage(violations), { color: false, width: 80 })
        for (const line of plain.split('\n'))
          assert.ok(line.length <= 80, `${line.length}: ${line.slice(0, 100)}`)
        assert.doesNotMatch(plain.replaceAll('\n', ''), /[\u0000-\u001f\u202e]/)
        const coloured = renderMessage(makeMessage(violations), { color: true })
        assert.doesNotMatch(stripVTControlCharacters(coloured).replaceAll('\n', ''), /[\u0000-\u001f]/)
      }),
      { numRuns: 100 },
    )
  })
})
