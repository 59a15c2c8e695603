import type { Secret } from '../model/secret.ts'
import type { Message } from './message.ts'
import { hostOf, post } from './post.ts'
import type { MessageProvider } from './provider.ts'
import { SendError } from './send-error.ts'
import { slackMessage } from './slack-blocks.ts'
import { ThreadStore, type Threads } from './threads.ts'

export interface SlackApiOptions {
  token: Secret
  /** Id or #name. */
  channel: string
  /** Such as https://slack.com/api. */
  api: string
}

interface Answer {
  ok?: boolean
  ts?: string
  error?: string
}

/** Errors that say that this message is wrong, not the token or the channel. */
const WRONG_MESSAGE = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'invalid_arguments',
  'msg_too_long',
  'msg_blocks_too_long',
  'no_text',
])

/** Slack by its Web API, with a thread for each object. */
export class SlackApi implements MessageProvider {
  readonly takes = 'messages'
  readonly interval = 1000
  readonly #options: SlackApiOptions
  readonly #threads: Threads

  constructor(options: SlackApiOptions, threads: Threads = new ThreadStore()) {
    this.#options = options
    this.#threads = threads
  }

  async send(message: Message, signal: AbortSignal): Promise<void> {
    const thread = message.thread === undefined ? undefined : this.#threads.get(message.thread)
    const answer = await this.#post(message, thread, signal)
    if (answer.ok === true) return this.#remember(message, thread ?? answer.ts)
    if (thread !== undefined && /thread|message_not_found/.test(answer.error ?? '')) {
      this.#threads.delete(message.thread!)
      return await this.send(message, signal)
    }
    const error = answer.error ?? 'an answer that is none'
    throw new SendError(`Slack refuses a message for ${this.#options.channel}: ${error.slice(0, 100)}`, {
      answered: true,
      permanent: WRONG_MESSAGE.has(error),
    })
  }

  async #post(message: Message, thread: string | undefined, signal: AbortSignal): Promise<Answer> {
    const { token, channel, api } = this.#options
    const url = `${api.replace(/\/+$/, '')}/chat.postMessage`
    const body = { channel, ...slackMessage(message), ...(thread === undefined ? {} : { thread_ts: thread }) }
    const { text } = await post({
      url,
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json; charset=utf-8',
        authorization: `Bearer ${await token.read()}`,
      },
      signal,
    })
    try {
      return JSON.parse(text) as Answer
    } catch {
      throw new SendError(`${hostOf(url)} answers something that is no JSON`, { answered: true })
    }
  }

  #remember({ thread }: Message, ts: string | undefined): void {
    if (thread !== undefined && ts !== undefined) this.#threads.set(thread, ts)
  }
}
