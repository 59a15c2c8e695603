import { escapeHtml } from './escape-html.ts'
import { clip, fitLines } from './fit-lines.ts'
import type { Link, Message } from './message.ts'
import { footer } from './plain-lines.ts'
import type { Tone } from './words.ts'

const COLORS: { readonly [tone in Tone]: string } = {
  bad: '#d0342c',
  warning: '#b97f00',
  good: '#2e8b57',
  info: '#5a6b7b',
}

/** A message as the HTML of a mail: no pictures, no scripts, nothing fetched; colours that hold on light and dark. */
export function emailHtml(message: Message): string {
  const { title, summary, facts, changes, objects, reason, outcome, tone } = message
  const lines = fitLines(changes.length > 0 ? changes : (objects ?? []), 6000)
  const cell = 'style="padding:2px 12px 2px 0;vertical-align:top"'
  const parts = [
    `<p style="margin:0 0 8px;font-size:16px"><b style="color:${COLORS[tone]}">${escapeHtml(clip(title, 200))}</b></p>`,
    `<p>${escapeHtml(clip(summary, 600))}</p>`,
    `<table>${facts.map(({ label, text }) => `<tr><td ${cell}>${escapeHtml(label)}</td><td ${cell}><b>${escapeHtml(clip(text, 300))}</b></td></tr>`).join('')}</table>`,
    ...(lines.length === 0
      ? []
      : [`<pre style="white-space:pre-wrap">${escapeHtml(lines.join('\n'))}</pre>`]),
    ...(reason === undefined
      ? []
      : [`<p>${clip(reason, 1500).split('\n').map(escapeHtml).join('<br>')}</p>`]),
    `<p><b>${escapeHtml(outcome)}</b>${link('In Git: ', message.file)}${link('Commit ', message.commit)}</p>`,
    `<p style="font-size:12px;opacity:.7">${escapeHtml(clip(footer(message), 500))}</p>`,
  ]
  return `<!doctype html><html><body style="font-family:system-ui,sans-serif;font-size:14px"><div style="border-left:4px solid ${COLORS[tone]};padding-left:12px">${parts.join('\n')}</div></body></html>`
}

function link(label: string, place: Link | undefined): string {
  if (place === undefined) return ''
  const text = escapeHtml(clip(place.text, 200))
  const shown =
    place.url === undefined || place.url.length > 1000
      ? text
      : `<a href="${escapeHtml(place.url)}">${text}</a>`
  return `<br>${label}${shown}`
}
