import type { Secret } from '../model/secret.ts'
import { post } from './post.ts'
import type { MessageProvider } from './provider.ts'
import { slackMessage } from './slack-blocks.ts'

/** Slack by an incoming webhook. It cannot make threads: it is not told what it posted. */
export function slackWebhook({ url }: { url: Secret }): MessageProvider {
  return {
    takes: 'messages',
    // One message a second a channel, says Slack; short bursts above are let through, which none should rely on.
    interval: 1000,
    async send(message, signal) {
      await post({
        url: await url.read(),
        body: JSON.stringify(slackMessage(message)),
        headers: { 'content-type': 'application/json; charset=utf-8' },
        signal,
      })
    },
  }
}
