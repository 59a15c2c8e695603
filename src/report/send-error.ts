/** A message could not be delivered. Its text names no URL, token or body: they hold secrets. */
export class SendError extends Error {
  /** It will never be taken as it is: sending it again is no use. */
  readonly permanent: boolean
  /** The receiver answered: it is there, and may take others. */
  readonly answered: boolean
  /** How long the receiver wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    options: {
      permanent?: boolean
      answered?: boolean
      retryAfterMs?: number | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'SendError'
    this.permanent = options.permanent ?? false
    this.answered = options.answered ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}
