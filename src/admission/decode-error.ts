/** A request that is no admission review: answered with this HTTP status (4xx) and message. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
