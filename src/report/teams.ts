import type { Secret } from '../model/secret.ts'
import { clip, fitLines } from './fit-lines.ts'
import { mentioned } from './mentions.ts'
import type { Link, Message } from './message.ts'
import { footer } from './plain-lines.ts'
import { post } from './post.ts'
import type { MessageProvider } from './provider.ts'
import { jsonBytes, shrinkToFit } from './shrink-to-fit.ts'
import type { Tone } from './words.ts'

const COLORS: { readonly [tone in Tone]: string } = {
  bad: 'Attention',
  warning: 'Warning',
  good: 'Good',
  info: 'Default',
}

/** Microsoft Teams by a Workflows webhook ("when a Teams webhook request is received"), as an Adaptive Card. */
export function teams({ url }: { url: Secret }): MessageProvider {
  return {
    takes: 'messages',
    interval: 1000,
    async send(message, signal) {
      await post({
        url: await url.read(),
        body: JSON.stringify(teamsMessage(message)),
        // Without it the body is counted as UTF-16, twice its bytes.
        headers: { 'content-type': 'application/json; charset=utf-8' },
        signal,
      })
    },
  }
}

/** Of a message, in bytes, says Microsoft: kept both as UTF-8 and as UTF-16. */
const MOST_BYTES = 28 * 1024

/** All text is in runs, which know no Markdown: no text from outside makes a link or a mention. */
export function teamsMessage(message: Message) {
  return shrinkToFit(
    (share) => rendered(message, share),
    (payload) => Math.max(jsonBytes(payload), JSON.stringify(payload).length * 2) <= MOST_BYTES,
  )
}

function rendered(message: Message, share: number) {
  const { title, summary, facts, changes, objects, reason, outcome, tone } = message
  const lines = changes.length > 0 ? changes : (objects ?? [])
  const called = mentioned(message, 'teams')
  const body = [
    paragraph([{ text: clip(title, 150), weight: 'Bolder', size: 'Large', color: COLORS[tone] }]),
    paragraph([{ text: clip(summary, 600) }]),
    ...facts.map(({ label, text }) =>
      paragraph([{ text: `${label}: `, weight: 'Bolder' }, { text: clip(text, 100 + 300 * share) }]),
    ),
    ...fitLines(lines, 3000 * share).map((line) =>
      paragraph([{ text: clip(line, 100 + 400 * share), fontType: 'Monospace' }]),
    ),
    ...(reason === undefined || share === 0
      ? []
      : fitLines(
          reason.split('\n').map((line) => clip(line, 1400 * share)),
          1500 * share,
        ).map((line) => paragraph([{ text: line }]))),
    paragraph([{ text: outcome, weight: 'Bolder' }]),
    ...(called.length === 0
      ? []
      : [{ type: 'TextBlock', spacing: 'Small', text: called.map(at).join(' '), wrap: true }]),
    paragraph([{ text: clip(footer(message), 300 + 400 * share), isSubtle: true, size: 'Small' }]),
  ]
  const card = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body,
    actions: [...open('File', message.file), ...open('Commit', message.commit)],
    msteams: {
      width: 'Full',
      ...(called.length === 0
        ? {}
        : { entities: called.map((id) => ({ type: 'mention', text: at(id), mentioned: { id, name: id } })) }),
    },
  }
  return {
    type: 'message',
    attachments: [
      { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card },
    ],
  }
}

/** An id holds no character that would end it. */
function at(id: string): string {
  return `<at>${id}</at>`
}

interface Run {
  text: string
  weight?: 'Bolder'
  size?: 'Large' | 'Small'
  color?: string
  fontType?: 'Monospace'
  isSubtle?: boolean
}

function paragraph(runs: readonly Run[]) {
  return {
    type: 'RichTextBlock',
    spacing: 'Small',
    inlines: runs.map((run) => ({ type: 'TextRun', ...run, text: run.text || ' ' })),
  }
}

function open(what: string, link: Link | undefined) {
  if (link?.url === undefined || link.url.length > 1000) return []
  return [{ type: 'Action.OpenUrl', title: clip(`${what} ${link.text}`, 80), url: link.url }]
}
