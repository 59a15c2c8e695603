import type { EmailTarget } from '../model/email.ts'
import { deliveryKey, keyOf } from './delivery-key.ts'
import { emailHtml } from './email-html.ts'
import { clip } from './fit-lines.ts'
import { mentioned } from './mentions.ts'
import type { Message } from './message.ts'
import { plainLines } from './plain-lines.ts'
import type { MessageProvider } from './provider.ts'
import { SendError } from './send-error.ts'
import { smtpError } from './smtp-error.ts'

/** Messages whose delivery to some of their recipients is remembered. */
const REMEMBERED = 1000

/**
 * E-mail by SMTP, in text and HTML. All about one object are one thread for mail programs: they refer to one Message-ID, which is
 * made of the object's name, and have one subject. A message that is sent again has the Message-ID that it had.
 */
export class Email implements MessageProvider {
  readonly takes = 'messages'
  readonly interval = 1000
  readonly #options: EmailTarget
  /** Who has a message already, where others do not have it yet. By Message-ID. */
  readonly #reached = new Map<string, Set<string>>()

  constructor(options: EmailTarget) {
    this.#options = options
  }

  async send(message: Message, signal: AbortSignal): Promise<void> {
    // Loaded when there is mail to send: a guard without e-mail need not hold it.
    const { createTransport } = await import('nodemailer')
    const mail = mailOf(message, this.#options)
    const reached = this.#reached.get(mail.messageId) ?? new Set<string>()
    const all = [...this.#options.to.map(addressOf), ...mentioned(message, 'email')]
    const to = [...new Set(all)].filter((address) => !reached.has(address))
    const server = await this.#server()
    const transport = createTransport(server)
    try {
      const sent = await transport.sendMail({
        ...mail,
        envelope: { from: addressOf(this.#options.from), to },
        signal,
        disableFileAccess: true,
        disableUrlAccess: true,
      })
      if (sent.rejected.length === 0) return void this.#reached.delete(mail.messageId)
      this.#remember(mail.messageId, new Set([...reached, ...sent.accepted.map(String)]))
      throw smtpError((sent as { rejectedErrors?: unknown[] }).rejectedErrors ?? [], server.host)
    } catch (error) {
      throw error instanceof SendError ? error : smtpError([error], server.host)
    } finally {
      transport.close()
    }
  }

  async #server() {
    const { server, user, password, ca } = this.#options
    const { protocol, hostname, port, searchParams } = new URL(server)
    const secure = protocol === 'smtps:'
    const clear = searchParams.get('starttls') === 'never'
    return {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
      requireTLS: !secure && !clear,
      ignoreTLS: clear,
      ...(user === undefined ? {} : { auth: { user, pass: (await password?.read()) ?? '' } }),
      tls: { minVersion: 'TLSv1.2' as const, ...(ca === undefined ? {} : { ca: await ca.read() }) },
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 15_000,
    }
  }

  #remember(messageId: string, reached: Set<string>): void {
    this.#reached.delete(messageId)
    this.#reached.set(messageId, reached)
    const oldest = this.#reached.keys().next()
    if (this.#reached.size > REMEMBERED && !oldest.done) this.#reached.delete(oldest.value)
  }
}

/** The mail that a message is. Nothing from outside gets into its head but one line of a subject. */
export function mailOf(message: Message, { from, to }: Pick<EmailTarget, 'from' | 'to'>) {
  const domain = addressOf(from).split('@').at(-1) ?? 'localhost'
  const idOf = (key: string) => `<${key}.gitops-guard@${domain}>`
  const { thread, about } = message
  const root = thread === undefined ? undefined : idOf(keyOf(['thread', thread]))
  return {
    from: mailboxOf(from),
    to: to.map(mailboxOf),
    cc: mentioned(message, 'email').map(mailboxOf),
    // The same for all of an object: mail programs part a conversation where its subject changes.
    subject: oneLine(`GitOps Guard: ${about}`),
    messageId: idOf(deliveryKey(message)),
    ...(root === undefined ? {} : { inReplyTo: root, references: [root] }),
    date: new Date(message.to),
    text: `${plainLines(message)
      .map((line) => clip(line, 2000))
      .join('\n')}\n`,
    html: emailHtml(message),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  }
}

/** `Name <a@b>` in its parts: a comma in a name makes no second address. */
function mailboxOf(written: string): { name: string; address: string } {
  const found = /^([^<]*)<([^<>]*)>\s*$/.exec(written)
  return { name: found?.[1]?.trim() ?? '', address: found?.[2] ?? written.trim() }
}

function addressOf(written: string): string {
  return mailboxOf(written).address
}

function oneLine(text: string): string {
  return clip(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').toWellFormed(), 200)
}
