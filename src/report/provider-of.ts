import type { Secret } from '../model/secret.ts'
import { cloudEvents, type CloudEventsOptions } from './cloudevents.ts'
import { Discord, type DiscordOptions } from './discord.ts'
import type { EmailTarget } from '../model/email.ts'
import { Email } from './email.ts'
import { googleChat } from './google-chat.ts'
import { Matrix, type MatrixOptions } from './matrix.ts'
import { mattermost } from './mattermost.ts'
import type { Provider } from './provider.ts'
import { SlackApi, type SlackApiOptions } from './slack-api.ts'
import { slackWebhook } from './slack.ts'
import { ThreadStore, type Threads } from './threads.ts'
import { teams } from './teams.ts'
import { webhook, type WebhookOptions } from './webhook.ts'

/** A notify target of the configuration. */
export type ProviderSpec =
  | { slack: { url: Secret } | SlackApiOptions }
  | { teams: { url: Secret } }
  | { discord: DiscordOptions }
  | { mattermost: { url: Secret } }
  | { googlechat: { url: Secret } }
  | { matrix: MatrixOptions }
  | { email: EmailTarget }
  | { webhook: WebhookOptions }
  | { cloudevents: CloudEventsOptions }

/** @param threads where its conversations are kept. */
export function providerOf(spec: ProviderSpec, threads: Threads = new ThreadStore()): Provider {
  if ('slack' in spec)
    return 'url' in spec.slack ? slackWebhook(spec.slack) : new SlackApi(spec.slack, threads)
  if ('teams' in spec) return teams(spec.teams)
  if ('discord' in spec) return new Discord(spec.discord, threads)
  if ('mattermost' in spec) return mattermost(spec.mattermost)
  if ('googlechat' in spec) return googleChat(spec.googlechat)
  if ('matrix' in spec) return new Matrix(spec.matrix, threads)
  if ('email' in spec) return new Email(spec.email)
  if ('webhook' in spec) return webhook(spec.webhook)
  return cloudEvents(spec.cloudevents)
}
