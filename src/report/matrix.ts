import type { Secret } from '../model/secret.ts'
import { deliveryKey } from './delivery-key.ts'
import { escapeHtml } from './escape-html.ts'
import { clip, fitLines } from './fit-lines.ts'
import type { Link, Message } from './message.ts'
import { footer, plainLines } from './plain-lines.ts'
import { post } from './post.ts'
import type { MessageProvider } from './provider.ts'

export interface MatrixOptions {
  homeserver: string
  /** The room's id, `!id:server`. */
  room: string
  token: Secret
}

/** Matrix by the client-server API. A repeated message is taken once: its transaction id is that of its violations. */
export function matrix({ homeserver, room, token }: MatrixOptions): MessageProvider {
  const base = homeserver.replace(/\/+$/, '')
  return {
    takes: 'messages',
    interval: 500,
    async send(message, signal) {
      const place = `rooms/${encodeURIComponent(room)}/send/m.room.message/${deliveryKey(message)}`
      await post({
        method: 'PUT',
        url: `${base}/_matrix/client/v3/${place}`,
        body: JSON.stringify(matrixMessage(message)),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await token.read()}` },
        signal,
      })
    },
  }
}

/** A notice, which bots do not answer, that mentions nobody. Far below the 64 KiB of an event. */
export function matrixMessage(message: Message) {
  const { title, summary, facts, changes, objects, reason, outcome } = message
  const lines = fitLines(changes.length > 0 ? changes : (objects ?? []), 6000)
  const html = [
    `<p><strong>${escapeHtml(clip(title, 200))}</strong><br>${escapeHtml(clip(summary, 600))}</p>`,
    `<ul>${facts.map(({ label, text }) => `<li>${escapeHtml(label)}: <code>${escapeHtml(clip(text, 300))}</code></li>`).join('')}</ul>`,
    ...(lines.length === 0 ? [] : [`<pre><code>${escapeHtml(lines.join('\n'))}</code></pre>`]),
    ...(reason === undefined
      ? []
      : [`<blockquote>${clip(reason, 1500).split('\n').map(escapeHtml).join('<br>')}</blockquote>`]),
    `<p><strong>${escapeHtml(outcome)}</strong>${link(message.file)}${link(message.commit)}</p>`,
    `<p><em>${escapeHtml(clip(footer(message), 500))}</em></p>`,
  ]
  return {
    msgtype: 'm.notice',
    body: fitLines(
      plainLines(message).map((line) => clip(line, 1000)),
      10_000,
    ).join('\n'),
    format: 'org.matrix.custom.html',
    formatted_body: html.join(''),
    'm.mentions': {},
  }
}

function link(place: Link | undefined): string {
  if (place === undefined) return ''
  const text = escapeHtml(clip(place.text, 200))
  return place.url === undefined || place.url.length > 1000
    ? ` ${text}`
    : ` <a href="${escapeHtml(place.url)}">${text}</a>`
}
