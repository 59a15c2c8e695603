import { SendError } from './send-error.ts'

interface SmtpFailure {
  message?: string
  /** nodemailer's: where it failed. */
  code?: string
  responseCode?: number
  response?: string
}

/** Replies that say that the guard may not send, not that this mail is wrong: whoever runs it can put that right. */
const IDENTITY = new Set([530, 534, 535, 538])
/** A greylisting server takes the second try after some minutes. */
const RETRY_MS = 60_000

/**
 * What a server said, as it is dealt with: a mail or a recipient that is refused for good (5xx) is given up, all else is tried
 * again. Of several, one that may go well next time decides.
 */
export function smtpError(failures: readonly unknown[], host: string): SendError {
  const known = failures.map((one) => one as SmtpFailure)
  const failure = known.find((one) => !isPermanent(one)) ?? known[0] ?? {}
  const { code, responseCode, response = '', message } = failure
  if (code === 'ETLS' && responseCode !== undefined) {
    return new SendError(`${host} offers no encryption (STARTTLS): mail is not sent in the clear`)
  }
  if (responseCode === undefined) {
    return new SendError(`cannot send mail by ${host}: ${wordOf(code, message)}`)
  }
  const said = /^[\w .,:;'"@<>#()/=+-]{1,200}$/.test(response) ? `: ${response}` : ''
  const isAnswer = code === 'EENVELOPE' || code === 'EMESSAGE'
  return new SendError(`${host} answers ${responseCode}${said}`, {
    answered: isAnswer,
    permanent: isPermanent(failure),
    retryAfterMs: isAnswer && responseCode < 500 ? RETRY_MS : undefined,
  })
}

function isPermanent({ code, responseCode = 0 }: SmtpFailure): boolean {
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode >= 500 && !IDENTITY.has(responseCode)
}

function wordOf(code: string | undefined, message = 'unknown error'): string {
  const short = message.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 200)
  return code === undefined ? short : `${code}, ${short}`
}
