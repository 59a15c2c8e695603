import type { Secret } from '../model/secret.ts'
import { cloudEvents, type CloudEventsOptions } from './cloudevents.ts'
import { discord } from './discord.ts'
import { Email, type EmailOptions } from './email.ts'
import { googleChat } from './google-chat.ts'
import { matrix, type MatrixOptions } from './matrix.ts'
import { mattermost } from './mattermost.ts'
import type { Provider } from './provider.ts'
import { SlackApi, type SlackApiOptions } from './slack-api.ts'
import { slackWebhook } from './slack.ts'
import { teams } from './teams.ts'
import { webhook, type WebhookOptions } from './webhook.ts'

/** A notify target of the configuration. */
export type ProviderSpec =
  | { slack: { url: Secret } | SlackApiOptions }
  | { teams: { url: Secret } }
  | { discord: { url: Secret } }
  | { mattermost: { url: Secret } }
  | { googlechat: { url: Secret } }
  | { matrix: MatrixOptions }
  | { email: EmailOptions }
  | { webhook: WebhookOptions }
  | { cloudevents: CloudEventsOptions }

export function providerOf(spec: ProviderSpec): Provider {
  if ('slack' in spec) return 'url' in spec.slack ? slackWebhook(spec.slack) : new SlackApi(spec.slack)
  if ('teams' in spec) return teams(spec.teams)
  if ('discord' in spec) return discord(spec.discord)
  if ('mattermost' in spec) return mattermost(spec.mattermost)
  if ('googlechat' in spec) return googleChat(spec.googlechat)
  if ('matrix' in spec) return matrix(spec.matrix)
  if ('email' in spec) return new Email(spec.email)
  if ('webhook' in spec) return webhook(spec.webhook)
  return cloudEvents(spec.cloudevents)
}
