import type { Request, Response } from 'express'
import type { Violation } from '../model/violation.ts'

export interface LiveOptions {
  /** Another text means that something that the screen shows is another now. Asked once a second while somebody looks. */
  stamp(): string
  /** Calls for each violation, until what it returns is called. */
  listen(listener: (violation: Violation) => void): () => void
}

const LOOK_MS = 1000
const KEEP_ALIVE_MS = 15_000
const MOST = 64

/** Server-sent events to everybody who looks: that something changed, not what; the page asks for what it shows. */
export class Live {
  readonly #options: LiveOptions
  readonly #clients = new Set<Response>()
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => void) | undefined
  #stamp = ''
  #violations = 0
  #quietSince = 0

  constructor(options: LiveOptions) {
    this.#options = options
  }

  get clients(): number {
    return this.#clients.size
  }

  answer(_request: Request, response: Response): void {
    if (this.#clients.size >= MOST) return void response.status(429).set('Retry-After', '5').end()
    response.set({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    })
    response.write('event: hello\ndata: {}\n\n')
    response.flushHeaders()
    this.#clients.add(response)
    response.once('close', () => {
      this.#clients.delete(response)
      if (this.#clients.size === 0) this.#end()
    })
    if (this.#timer === undefined) this.#begin()
  }

  /** Ends all connections. */
  close(): void {
    for (const client of this.#clients) client.end()
    this.#end()
  }

  #begin(): void {
    this.#stamp = this.#options.stamp()
    this.#quietSince = Date.now()
    this.#unlisten = this.#options.listen(() => void this.#violations++)
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  #end(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#unlisten?.()
    this.#unlisten = undefined
  }

  #look(): void {
    const stamp = this.#options.stamp()
    if (stamp !== this.#stamp || this.#violations > 0) {
      this.#send(`event: changed\ndata: {"violations":${this.#violations}}\n\n`)
      this.#stamp = stamp
      this.#violations = 0
    } else if (Date.now() - this.#quietSince > KEEP_ALIVE_MS) this.#send(': still here\n\n')
  }

  #send(text: string): void {
    this.#quietSince = Date.now()
    for (const client of this.#clients) {
      // Who does not read is not waited for, and nothing is kept for him.
      if (client.writableLength > 65_536) client.destroy()
      else client.write(text)
    }
  }
}
