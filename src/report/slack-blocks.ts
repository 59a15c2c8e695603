/**
 * A message in Slack's Block Kit, within its published limits: 50 blocks, a header of 150 characters, a section of 3000, ten fields of
 * 2000, ten elements of context, and one that it does not publish: some 13,200 characters of blocks in all, above which it answers
 * `msg_blocks_too_long`. Text from outside can neither mention nor link.
 */
import { clip } from './fit-lines.ts'
import { mentioned } from './mentions.ts'
import type { Link, Message } from './message.ts'
import { shrinkToFit } from './shrink-to-fit.ts'
import type { Tone } from './words.ts'

interface PlainText {
  type: 'plain_text'
  text: string
  emoji: false
}

/** `verbatim`: Slack makes no links and mentions of its own out of the text. */
interface Markdown {
  type: 'mrkdwn'
  text: string
  verbatim: true
}

export type SlackBlock =
  | { type: 'header'; text: PlainText }
  | { type: 'section'; text: Markdown }
  | { type: 'section'; fields: Markdown[] }
  | { type: 'context'; elements: Markdown[] }

export interface SlackMessage {
  /** For notifications, and where blocks cannot be shown. */
  text: string
  blocks: SlackBlock[]
  unfurl_links: false
  unfurl_media: false
}

const SIGNS: { readonly [tone in Tone]: string } = { bad: '⛔', warning: '⚠️', good: '↩️', info: 'ℹ️' }

/** Characters of all blocks as JSON. */
const MOST = 12_000

export function slackMessage(message: Message): SlackMessage {
  return shrinkToFit(
    (share) => rendered(message, share),
    ({ blocks }) => JSON.stringify(blocks).length <= MOST,
  )
}

function rendered(message: Message, share: number): SlackMessage {
  const { title, summary, facts, changes, objects, reason, outcome, tone } = message
  const blocks: SlackBlock[] = [
    { type: 'header', text: { type: 'plain_text', text: cut(`${SIGNS[tone]} ${title}`, 150), emoji: false } },
    { type: 'section', text: markdown(prose(clip(summary, 300 + 300 * share)), 3000) },
    {
      type: 'section',
      fields: facts
        .slice(0, 10)
        .map(({ label, text }) => markdown(`*${label}*\n${code(clip(text, 60 + 340 * share))}`, 2000)),
    },
  ]
  const listed = changes.length > 0 ? changes : (objects ?? [])
  if (listed.length > 0 && share > 0) blocks.push({ type: 'section', text: codeBlock(listed, 3000 * share) })
  if (reason !== undefined && share > 0)
    blocks.push({ type: 'section', text: markdown(quote(reason), 3000 * share) })
  blocks.push({ type: 'section', text: markdown(`*${prose(outcome)}*`, 3000) })
  const called = mentioned(message, 'slack').map((id) =>
    id.startsWith('S') ? `<!subteam^${id}>` : `<@${id}>`,
  )
  if (called.length > 0) blocks.push({ type: 'section', text: markdown(called.join(' '), 3000) })
  blocks.push({ type: 'context', elements: context(message) })
  return { text: cut(prose(summary), 3000), blocks, unfurl_links: false, unfurl_media: false }
}

function context({ file, commit, ids, from, to }: Message): Markdown[] {
  const first = ids.slice(0, 3).map(code).join(' ')
  const more = ids.length > 3 ? ` and ${ids.length - 3} more` : ''
  const time = from === to ? from : `${from} to ${to}`
  return [
    ...(file === undefined ? [] : [markdown(`In Git: ${link(file)}`, 2000)]),
    ...(commit === undefined ? [] : [markdown(`at commit ${link(commit)}`, 2000)]),
    markdown(`id ${first}${more}`, 2000),
    markdown(escapeSlack(time), 2000),
  ]
}

function markdown(text: string, max: number): Markdown {
  return { type: 'mrkdwn', text: cut(text, max), verbatim: true }
}

/** The three characters that begin everything that Slack takes for a command. */
export function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** A backtick would open code, and three of them a block that swallows what follows. */
function prose(text: string): string {
  return escapeSlack(text).replaceAll('`', "'")
}

/** As typed: no bold, no italics. A backtick would end it. */
function code(text: string): string {
  return `\`${prose(text) || ' '}\``
}

function codeBlock(lines: readonly string[], max: number): Markdown {
  const room = max - 8
  const kept: string[] = []
  let size = 0
  for (const line of lines) {
    const text = cut(prose(line), Math.min(600, max / 2))
    if (size + text.length + 1 > room - 20) {
      kept.push(`and ${lines.length - kept.length} more`)
      break
    }
    kept.push(text)
    size += text.length + 1
  }
  return markdown(`\`\`\`\n${kept.join('\n')}\n\`\`\``, max)
}

function quote(text: string): string {
  return text
    .split('\n')
    .map((line) => `>${prose(line)}`)
    .join('\n')
}

function link({ text, url }: Link): string {
  const target = url === undefined ? '' : escapeSlack(url).replaceAll('|', '%7C')
  if (!/^https?:\/\//.test(target) || target.length > 1000) return code(text)
  // Five characters at most for each, so that it is never cut.
  return `<${target}|${prose(clip(text, 150)).replaceAll('|', '¦') || 'link'}>`
}

/** Cut without leaving half an entity, half a character or an open code span behind. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text
  const short = text.slice(0, max - 2).replace(/&[a-z]{0,3}$|[\ud800-\udbff]$/, '')
  return `${short}…${text.endsWith('`') ? '`' : ''}`
}
