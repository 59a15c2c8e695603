import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { RawNotify } from './raw.ts'
import type { SecretRef } from './secret.ts'

/**
 * The name of a notify target where none is given. It depends on nothing but the target itself, so that what is still to be
 * delivered to it finds its way when others come and go.
 */
export function targetName(target: RawNotify): string {
  if (target.name !== undefined) return target.name
  const { slack, matrix, webhook, cloudevents, email } = target
  if (slack?.channel !== undefined) return `slack:${slack.channel}`
  if (slack?.url !== undefined) return `slack:${ofSecret(slack.url)}`
  if (matrix !== undefined) return `matrix:${matrix.room}`
  if (webhook !== undefined) return `webhook:${ofUrl(webhook.url)}`
  if (cloudevents !== undefined) return `cloudevents:${ofUrl(cloudevents.url)}`
  for (const kind of ['teams', 'discord', 'mattermost', 'googlechat'] as const) {
    const chat = target[kind]
    if (chat !== undefined) return `${kind}:${ofSecret(chat.url)}`
  }
  const [first = ''] = email?.to ?? []
  const more = (email?.to.length ?? 0) > 1 ? `+${ofText(email!.to.join())}` : ''
  return `email:${first.slice(0, 40)}${more}`
}

function ofSecret(ref: SecretRef): string {
  return 'env' in ref ? ref.env : basename(ref.file)
}

/** The host, and a hash of the whole: a URL may hold what others should not read in a metric. */
function ofUrl(url: string | SecretRef): string {
  if (typeof url !== 'string') return ofSecret(url)
  const host = URL.parse(url)?.host ?? 'url'
  return `${host}-${ofText(url)}`
}

function ofText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6)
}
