import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { discordMessage } from './discord.ts'
import { mailOf } from './email.ts'
import { googleChatMessage } from './google-chat.ts'
import { matrixMessage } from './matrix.ts'
import { mattermostMessage } from './mattermost.ts'
import type { MentionIds } from '../model/mention.ts'
import { makeMessage, type Message } from './message.ts'
import { slackMessage } from './slack-blocks.ts'
import { teamsMessage } from './teams.ts'
import {
  discordProblems,
  googleChatProblems,
  matrixProblems,
  mattermostProblems,
  teamsProblems,
} from './testing/chat-rules.ts'
import { slackProblems } from './testing/slack-rules.ts'
import { someViolation } from './testing/violations.ts'

const IDS: Required<MentionIds> = {
  slack: 'S0123ABCD',
  teams: 'dana@shop.example',
  discord: '&123456789',
  mattermost: 'shop-team',
  googlechat: '1234567890',
  matrix: '@dana:shop.example',
  email: 'dana@shop.example',
}
const mail = (message: Message) => mailOf(message, { from: 'a@b.example', to: ['c@d.example'] })
const chats: [keyof MentionIds, (message: Message) => unknown, (payload: unknown) => string[], RegExp][] = [
  ['slack', slackMessage, slackProblems, /<!subteam\^S0123ABCD>/],
  [
    'teams',
    teamsMessage,
    teamsProblems,
    /<at>dana@shop\.example<\/at>.*"mentioned":{"id":"dana@shop\.example"/,
  ],
  ['discord', discordMessage, discordProblems, /"content":"<@&123456789>".*"roles":\["123456789"\]/],
  ['mattermost', mattermostMessage, mattermostProblems, / @shop-team"/],
  ['googlechat', googleChatMessage, googleChatProblems, /"text":"<users\/1234567890>"/],
  ['matrix', matrixMessage, matrixProblems, /"m\.mentions":{"user_ids":\["@dana:shop\.example"\]}/],
  ['email', mail, () => [], /"cc":\[{"name":"","address":"dana@shop\.example"}\]/],
]

for (const [chat, render, problems, wanted] of chats) {
  describe(chat, () => {
    const payload = (over: object, ids: MentionIds | undefined) =>
      render(
        makeMessage([someViolation({ owners: ['@org/shop'], ...over })], {
          mentionsOf: (owner) => (owner === '@org/shop' ? ids : undefined),
        }),
      )

    test('calls the owner by the id that the configuration has', () => {
      const called = payload({}, IDS)
      assert.deepEqual(problems(called), [])
      assert.match(JSON.stringify(called), wanted)
    })

    test('names an owner without an id, and calls nobody', () => {
      const named = payload({}, undefined)
      assert.deepEqual(problems(named), [])
      assert.match(JSON.stringify(named), /@org\/shop/)
      assert.doesNotMatch(JSON.stringify(named), wanted)
    })

    test('calls nobody for the record only, nor by an id that is none or everybody', () => {
      assert.doesNotMatch(JSON.stringify(payload({ event: 'resolved' }, IDS)), wanted)
      for (const id of ['<!channel>', '@here', 'all', 'channel', '1> <@everyone', 'a\nb']) {
        const bad = payload({}, { [chat]: id })
        assert.deepEqual(problems(bad), [], id)
        assert.deepEqual(
          JSON.stringify(bad),
          JSON.stringify(payload({}, undefined)).replace(/"cc":\[\]/, '"cc":[]'),
        )
      }
    })

    test('calls nobody by a name from Git', () => {
      const hostile = payload({ owners: ['@here', '<!channel>', '@everyone', '@all', '<users/all>'] }, IDS)
      assert.deepEqual(problems(hostile), [])
    })
  })
}
