import type { Secret } from '../model/secret.ts'
import { clip, fitLines } from './fit-lines.ts'
import { mentioned } from './mentions.ts'
import type { Link, Message } from './message.ts'
import { footer } from './plain-lines.ts'
import { post } from './post.ts'
import type { MessageProvider } from './provider.ts'
import { shrinkToFit } from './shrink-to-fit.ts'
import { SendError } from './send-error.ts'
import { ThreadStore, type Threads } from './threads.ts'
import type { Tone } from './words.ts'

const COLORS: { readonly [tone in Tone]: number } = {
  bad: 0xd0342c,
  warning: 0xe8a317,
  good: 0x2e8b57,
  info: 0x5a6b7b,
}

export interface DiscordOptions {
  url: Secret
  /** The channel is a forum: each object has a post of its own, and what follows is written into it. */
  forum?: boolean
}

/** Discord by a channel's webhook, as an embed. Webhooks make threads in forums only. */
export class Discord implements MessageProvider {
  readonly takes = 'messages'
  // Thirty a minute go into a channel.
  readonly interval = 2000
  readonly #options: DiscordOptions
  readonly #threads: Threads

  constructor(options: DiscordOptions, threads: Threads = new ThreadStore()) {
    this.#options = options
    this.#threads = threads
  }

  async send(message: Message, signal: AbortSignal): Promise<void> {
    const { url, forum = false } = this.#options
    const key = message.thread ?? 'digests'
    const thread = forum ? this.#threads.get(key) : undefined
    const target = URL.parse(await url.read())
    // With it the answer says whether the message was taken, and where it is.
    target?.searchParams.set('wait', 'true')
    if (thread !== undefined) target?.searchParams.set('thread_id', thread)
    const name = forum && thread === undefined ? { thread_name: threadName(message) } : {}
    try {
      const { text } = await post({
        url: target?.href ?? '',
        body: JSON.stringify({ ...discordMessage(message), ...name }),
        headers: { 'content-type': 'application/json' },
        signal,
      })
      const id = thread ?? /"channel_id"\s*:\s*"(\d{1,30})"/.exec(text)?.[1]
      if (forum && id !== undefined) this.#threads.set(key, id)
    } catch (error) {
      // Unknown channel: somebody removed the post.
      if (thread === undefined || !(error instanceof SendError) || !/10003/.test(error.message)) throw error
      this.#threads.delete(key)
      await this.send(message, signal)
    }
  }
}

function threadName({ thread, about }: Message): string {
  return clip(thread === undefined ? 'Digests' : about, 100)
}

/**
 * Within Discord's limits: title 256, description 4096, 25 fields of 256 and 1024, footer 2048, 6000 in all. Text from outside
 * is shown as code, where nothing links or mentions; mentions are off besides.
 */
export function discordMessage(message: Message) {
  return shrinkToFit(
    (share) => rendered(message, share),
    ({ embeds: [embed] }) => embed!.description.length <= 4096 && lengthOf(embed!) <= 6000,
  )
}

interface Embed {
  title: string
  description: string
  fields: { name: string; value: string }[]
  footer: { text: string }
}

function lengthOf({ title, description, fields, footer: { text } }: Embed): number {
  const texts = [title, description, text, ...fields.flatMap(({ name, value }) => [name, value])]
  return texts.reduce((sum, { length }) => sum + length, 0)
}

function rendered(message: Message, share: number) {
  const { title, summary, facts, changes, objects, reason, outcome, tone, to } = message
  const lines = changes.length > 0 ? changes : (objects ?? [])
  const parts = [
    code(clip(summary, 600)),
    ...(lines.length === 0 || share === 0
      ? []
      : [`\`\`\`\n${fitLines(lines.map(plain), 2500 * share).join('\n')}\n\`\`\``]),
    ...(reason === undefined || share === 0 ? [] : [`\`\`\`\n${clip(plain(reason), 1000 * share)}\n\`\`\``]),
    `**${outcome}**`,
    ...link('In Git', message.file),
    ...link('Commit', message.commit),
  ]
  const embed = {
    title: clip(escapeMarkdown(title), 256),
    description: parts.join('\n'),
    color: COLORS[tone],
    timestamp: to,
    fields: facts
      .slice(0, 8)
      .map(({ label, text }) => ({ name: label, value: code(clip(text, 100 + 200 * share)), inline: true })),
    footer: { text: clip(footer(message), 300) },
  }
  const called = mentioned(message, 'discord')
  if (called.length === 0) return { embeds: [embed], allowed_mentions: { parse: [] } }
  return {
    content: called.map((id) => `<@${id}>`).join(' '),
    embeds: [embed],
    // Nobody else is called, whatever the text says.
    allowed_mentions: {
      parse: [],
      users: called.filter((id) => !id.startsWith('&')),
      roles: called.filter((id) => id.startsWith('&')).map((id) => id.slice(1)),
    },
  }
}

function plain(text: string): string {
  return text.replaceAll('`', "'")
}

function code(text: string): string {
  return `\`${plain(text) || ' '}\``
}

function escapeMarkdown(text: string): string {
  return plain(text).replace(/[\\*_~|>[\]()#<@:]/g, '\\$&')
}

function link(label: string, place: Link | undefined): string[] {
  if (place === undefined) return []
  const { text, url } = place
  if (url === undefined || url.length > 500) return [`${label}: ${code(clip(text, 200))}`]
  return [
    `${label}: [${escapeMarkdown(clip(text, 200))}](${url.replaceAll('(', '%28').replaceAll(')', '%29')})`,
  ]
}
