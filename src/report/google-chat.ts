import type { Secret } from '../model/secret.ts'
import { deliveryKey, keyOf } from './delivery-key.ts'
import { escapeHtml } from './escape-html.ts'
import { clip, fitLines } from './fit-lines.ts'
import { mentioned } from './mentions.ts'
import type { Link, Message } from './message.ts'
import { footer } from './plain-lines.ts'
import { post } from './post.ts'
import type { MessageProvider } from './provider.ts'
import { jsonBytes, shrinkToFit } from './shrink-to-fit.ts'

/** Google Chat by a space's webhook, as a card; an object's messages are one thread, and a repeated one is taken once. */
export function googleChat({ url }: { url: Secret }): MessageProvider {
  return {
    takes: 'messages',
    // One message a second goes into a space.
    interval: 1000,
    async send(message, signal) {
      const target = URL.parse(await url.read())
      target?.searchParams.set('requestId', deliveryKey(message))
      if (message.thread !== undefined) {
        target?.searchParams.set('messageReplyOption', 'REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD')
      }
      await post({
        url: target?.href ?? '',
        body: JSON.stringify(googleChatMessage(message)),
        headers: { 'content-type': 'application/json; charset=utf-8' },
        signal,
      })
    },
  }
}

/** Of a message with its cards, says Google. */
const MOST_BYTES = 32_000

/** Widgets without text are refused. */
const NOTHING = '–'

/** A card's text is HTML: escaped, it neither links nor mentions. */
export function googleChatMessage(message: Message) {
  return shrinkToFit(
    (share) => rendered(message, share),
    (payload) => jsonBytes(payload) <= MOST_BYTES,
  )
}

function rendered(message: Message, share: number) {
  const { title, summary, facts, changes, objects, reason, outcome, thread } = message
  const lines = changes.length > 0 ? changes : (objects ?? [])
  const widgets = [
    paragraph(escapeHtml(clip(summary, 500))),
    ...facts.slice(0, 8).map(({ label, text }) => ({
      decoratedText: {
        topLabel: label,
        text: escapeHtml(clip(text, 100 + 300 * share)) || NOTHING,
        wrapText: true,
      },
    })),
    ...(lines.length === 0 || share === 0
      ? []
      : [
          paragraph(
            fitLines(lines, 3000 * share)
              .map(escapeHtml)
              .join('<br>'),
          ),
        ]),
    ...(reason === undefined || share === 0
      ? []
      : [
          paragraph(
            clip(reason, 1500 * share)
              .split('\n')
              .map(escapeHtml)
              .join('<br>'),
          ),
        ]),
    paragraph(`<b>${escapeHtml(outcome)}</b>`),
    ...link('In Git', message.file),
    ...link('Commit', message.commit),
    paragraph(escapeHtml(clip(footer(message), 400))),
  ]
  const called = mentioned(message, 'googlechat')
  return {
    ...(called.length === 0 ? {} : { text: called.map((id) => `<users/${id}>`).join(' ') }),
    fallbackText: clip(summary, 300).replaceAll('<', '‹').replaceAll('>', '›'),
    cardsV2: [
      { cardId: 'violation', card: { header: { title: clip(title, 150) }, sections: [{ widgets }] } },
    ],
    ...(thread === undefined ? {} : { thread: { threadKey: keyOf([thread]) } }),
  }
}

function paragraph(text: string) {
  return { textParagraph: { text: text || NOTHING } }
}

function link(label: string, place: Link | undefined) {
  if (place === undefined) return []
  const text = escapeHtml(clip(place.text, 200))
  const shown =
    place.url === undefined || place.url.length > 1000
      ? text
      : `<a href="${escapeHtml(place.url)}">${text}</a>`
  return [paragraph(`${label}: ${shown}`)]
}
