import type { Secret } from '../model/secret.ts'
import { deliveryKey } from './delivery-key.ts'
import { escapeHtml } from './escape-html.ts'
import { clip, fitLines } from './fit-lines.ts'
import { mentioned } from './mentions.ts'
import type { Link, Message } from './message.ts'
import { footer, plainLines } from './plain-lines.ts'
import { post } from './post.ts'
import type { MessageProvider } from './provider.ts'
import { jsonBytes, shrinkToFit } from './shrink-to-fit.ts'
import { SendError } from './send-error.ts'
import { ThreadStore, type Threads } from './threads.ts'

export interface MatrixOptions {
  homeserver: string
  /** The room's id, `!id:server`. */
  room: string
  token: Secret
}

/**
 * Matrix by the client-server API, with a thread for each object. A repeated message is taken once: its transaction id is that of
 * its violations.
 */
export class Matrix implements MessageProvider {
  readonly takes = 'messages'
  readonly interval = 500
  readonly #options: MatrixOptions
  readonly #threads: Threads

  constructor(options: MatrixOptions, threads: Threads = new ThreadStore()) {
    this.#options = options
    this.#threads = threads
  }

  async send(message: Message, signal: AbortSignal): Promise<void> {
    const { thread } = message
    const root = thread === undefined ? undefined : this.#threads.get(thread)
    try {
      const event = await this.#put(matrixMessage(message, root), deliveryKey(message), signal)
      if (thread !== undefined && (root ?? event) !== undefined) this.#threads.set(thread, (root ?? event)!)
    } catch (error) {
      // A root that was taken away or is no message: the conversation begins anew.
      if (root === undefined || !(error instanceof SendError) || !error.permanent) throw error
      this.#threads.delete(thread!)
      await this.send(message, signal)
    }
  }

  /** Returns the event's id. */
  async #put(content: object, key: string, signal: AbortSignal): Promise<string | undefined> {
    const { homeserver, room, token } = this.#options
    const place = `rooms/${encodeURIComponent(room)}/send/m.room.message/${key}`
    const { text } = await post({
      method: 'PUT',
      url: `${homeserver.replace(/\/+$/, '')}/_matrix/client/v3/${place}`,
      body: JSON.stringify(content),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await token.read()}` },
      signal,
    })
    return /"event_id"\s*:\s*"(\$[^"\\]{1,255})"/.exec(text)?.[1]
  }
}

/** An event has 65,536 bytes at most, with what the homeserver and federation add to the content. */
const MOST_BYTES = 60_000

/** A notice, which bots do not answer, that mentions nobody. */
export function matrixMessage(message: Message, root?: string) {
  return shrinkToFit(
    (share) => rendered(message, root, share),
    (content) => jsonBytes(content) <= MOST_BYTES,
  )
}

function rendered(message: Message, root: string | undefined, share: number) {
  const { title, summary, facts, changes, objects, reason, outcome } = message
  const lines = fitLines(changes.length > 0 ? changes : (objects ?? []), 6000 * share)
  const called = mentioned(message, 'matrix')
  const html = [
    `<p><strong>${escapeHtml(clip(title, 200))}</strong><br>${escapeHtml(clip(summary, 600))}</p>`,
    `<ul>${facts.map(({ label, text }) => `<li>${escapeHtml(label)}: <code>${escapeHtml(clip(text, 300))}</code></li>`).join('')}</ul>`,
    ...(lines.length === 0 ? [] : [`<pre><code>${escapeHtml(lines.join('\n'))}</code></pre>`]),
    ...(reason === undefined || share === 0
      ? []
      : [
          `<blockquote>${clip(reason, 1500 * share)
            .split('\n')
            .map(escapeHtml)
            .join('<br>')}</blockquote>`,
        ]),
    `<p><strong>${escapeHtml(outcome)}</strong>${link(message.file)}${link(message.commit)}</p>`,
    ...(called.length === 0 ? [] : [`<p>${called.map(pill).join(' ')}</p>`]),
    `<p><em>${escapeHtml(clip(footer(message), 500))}</em></p>`,
  ]
  return {
    msgtype: 'm.notice',
    body: fitLines(
      plainLines(message).map((line) => notTheRoom(clip(line, 1000))),
      2000 + 8000 * share,
    ).join('\n'),
    format: 'org.matrix.custom.html',
    formatted_body: html.join(''),
    'm.mentions': called.length === 0 ? {} : { user_ids: called },
    ...(root === undefined ? {} : { 'm.relates_to': inThread(root) }),
  }
}

/** Servers that know no `m.mentions` look for it in the text. */
function notTheRoom(text: string): string {
  return text.replaceAll(/@(?=room)/gi, '@\u2060')
}

/** Clients that know no threads show an answer to the first. */
function inThread(root: string) {
  return {
    rel_type: 'm.thread',
    event_id: root,
    is_falling_back: true,
    'm.in_reply_to': { event_id: root },
  }
}

function pill(user: string): string {
  return `<a href="https://matrix.to/#/${escapeHtml(user)}">${escapeHtml(user)}</a>`
}

function link(place: Link | undefined): string {
  if (place === undefined) return ''
  const text = escapeHtml(clip(place.text, 200))
  return place.url === undefined || place.url.length > 1000
    ? ` ${text}`
    : ` <a href="${escapeHtml(place.url)}">${text}</a>`
}
