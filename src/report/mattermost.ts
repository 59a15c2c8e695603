import type { Secret } from '../model/secret.ts'
import { clip, fitLines } from './fit-lines.ts'
import { mentioned } from './mentions.ts'
import type { Link, Message } from './message.ts'
import { footer } from './plain-lines.ts'
import { post } from './post.ts'
import type { MessageProvider } from './provider.ts'
import type { Tone } from './words.ts'

const COLORS: { readonly [tone in Tone]: string } = {
  bad: '#d0342c',
  warning: '#e8a317',
  good: '#2e8b57',
  info: '#5a6b7b',
}

/** Mattermost by an incoming webhook, as a message attachment. */
export function mattermost({ url }: { url: Secret }): MessageProvider {
  return {
    takes: 'messages',
    interval: 200,
    async send(message, signal) {
      await post({
        url: await url.read(),
        body: JSON.stringify(mattermostMessage(message)),
        headers: { 'content-type': 'application/json' },
        signal,
      })
    },
  }
}

/** Below Mattermost's 16,383 characters. Text from outside is shown as code, where nothing links or mentions. */
export function mattermostMessage(message: Message) {
  const { title, summary, facts, changes, objects, reason, outcome, tone } = message
  const lines = changes.length > 0 ? changes : (objects ?? [])
  const parts = [
    ...(lines.length === 0 ? [] : [block(fitLines(lines.map(plain), 4000))]),
    ...(reason === undefined ? [] : [block([clip(plain(reason), 1500)])]),
    `**${outcome}**`,
    ...link('In Git', message.file),
    ...link('Commit', message.commit),
  ]
  return {
    text: [code(clip(summary, 600)), ...mentioned(message, 'mattermost').map((name) => `@${name}`)].join(' '),
    attachments: [
      {
        fallback: clip(plain(summary), 600),
        color: COLORS[tone],
        title: code(clip(title, 200)),
        text: parts.join('\n'),
        fields: facts
          .slice(0, 10)
          .map(({ label, text }) => ({ short: true, title: label, value: code(clip(text, 300)) })),
        footer: clip(plain(footer(message)), 300),
      },
    ],
  }
}

function plain(text: string): string {
  return text.replaceAll('`', "'")
}

function code(text: string): string {
  return `\`${plain(text) || ' '}\``
}

function block(lines: readonly string[]): string {
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``
}

function link(label: string, place: Link | undefined): string[] {
  if (place === undefined) return []
  const { text, url } = place
  if (url === undefined || url.length > 1000) return [`${label}: ${code(clip(text, 300))}`]
  const shown = clip(plain(text), 300).replace(/[\\[\]()*_~@]/g, '\\$&')
  return [`${label}: [${shown}](${url.replaceAll('(', '%28').replaceAll(')', '%29')})`]
}
