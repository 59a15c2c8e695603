import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import { formatReadiness, readiness, type Condition } from './condition.ts'

export interface HttpOptions {
  /** Everything that `/readyz` tells of. */
  conditions(): readonly Condition[]
  metrics: { text(): Promise<string>; registry: { contentType: string } }
  /** `POST /git`: a push notification. Absent: 404. */
  git?(headers: IncomingHttpHeaders, body: Buffer): GitAnswer | Promise<GitAnswer>
  onError?(error: Error): void
}

export interface GitAnswer {
  status: number
  message: string
}

/** Bytes of a push notification: what GitHub sends at most. */
const PUSH_BYTES = 25 * 1024 * 1024
/** Push notifications at a time: whoever reaches the port may post one. */
const PUSHES = 4

/** The plain HTTP server: health, metrics, push notifications. Other routes may be added to `app` before it listens. */
export class HttpServer {
  readonly app: Express
  readonly #server: Server
  readonly #onError: ((error: Error) => void) | undefined
  #pushes = 0

  constructor(options: HttpOptions) {
    this.#onError = options.onError
    this.app = express()
    this.app.disable('x-powered-by')
    this.app.disable('etag')
    this.app.get('/healthz', (_request, response) => void response.type('text').send('ok\n'))
    this.app.get('/readyz', (request, response) => answerReady(request, response, options))
    this.app.get('/metrics', async (_request, response) => {
      const text = await options.metrics.text()
      response.set('Content-Type', options.metrics.registry.contentType).send(text)
    })
    this.app.post(
      '/git',
      (request, response, next) => {
        if (options.git === undefined)
          return void response.status(404).type('text').send('no gitWebhook is configured\n')
        if (this.#pushes >= PUSHES) return void response.status(429).set('Retry-After', '1').end()
        this.#pushes++
        response.once('close', () => this.#pushes--)
        next()
      },
      express.raw({ type: () => true, limit: PUSH_BYTES, inflate: false }),
      async (request, response) => {
        const body: unknown = request.body
        const { status, message } = await options.git!(
          request.headers,
          Buffer.isBuffer(body) ? body : Buffer.alloc(0),
        )
        response.status(status).type('text').send(`${message}\n`)
      },
    )
    this.#server = createServer({ requestTimeout: 15_000, headersTimeout: 10_000 }, (request, response) =>
      this.app(request, response),
    )
    this.#server.maxConnections = 512
  }

  /** Returns the port. @throws Error where the port is taken. */
  async listen(port: number, host?: string): Promise<number> {
    const failed: ErrorRequestHandler = (error: Error & { status?: number }, _request, response, _next) => {
      const status = error.status ?? 500
      if (status >= 500) this.#onError?.(error)
      if (response.headersSent) return void response.destroy()
      response
        .status(status)
        .type('text')
        .send(status === 413 ? 'too large\n' : status >= 500 ? 'failed\n' : 'bad request\n')
    }
    this.app.use((_request, response) => void response.status(404).type('text').send('not found\n'))
    this.app.use(failed)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve)
    })
    return (this.#server.address() as AddressInfo).port
  }

  /** Answers what is under way, for a second at most. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => this.#server.closeAllConnections(), 1000)
    await closed
    clearTimeout(timer)
  }
}

function answerReady(request: Request, response: Response, options: HttpOptions): void {
  const state = readiness(options.conditions())
  response.status(state.ready ? 200 : 503).set('Cache-Control', 'no-store')
  if (request.accepts(['text', 'json']) === 'json') response.json(state)
  else response.type('text').send(formatReadiness(state))
}
