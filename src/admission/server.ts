import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import express from 'express'
import type { Change } from '../model/change.ts'
import type { Verdict } from '../model/verdict.ts'
import { answerError, answerJson } from './answer.ts'
import { clientAllowed, type ClientAuthority } from './client-authority.ts'
import { DecodeError } from './decode-error.ts'
import { decodeReview } from './decode.ts'
import { readBody, type BodyBudget } from './read-body.ts'
import { reviewResponse } from './respond.ts'
import { review, type Reviewer } from './review.ts'

/** The certificate to serve, PEM. */
export interface ServerCertificate {
  certificate: string
  key: string
}

/** What the server answers with and what it tells others. */
export interface AdmissionServerOptions extends Reviewer {
  certificate: ServerCertificate
  /** The kind of a resource, from discovery; undefined when not known (yet). */
  kindOf(group: string, resource: string): string | undefined
  /**
   * Every verdict, before it is answered: a violation is on disk before its denial is out. `ms` is how long it took
   * since the request's head. What it returns is waited for, but not past the deadline: then the verdict is answered
   * as it is.
   */
  onVerdict?(change: Change, verdict: Verdict, ms: number): void | Promise<void>
  /**
   * `POST /audit`: the body of an audit.k8s.io/v1 EventList, and the Authorization header. Answered 200 when it resolves;
   * when it rejects with a DecodeError its status, else 500.
   */
  audit?(body: Buffer, authorization: string | undefined): void | Promise<void>
  /** A TLS handshake failed: the API server does not trust the certificate, or a client has none. */
  onTlsError?(error: Error): void
  /** Only clients with one of these certificates are served (the API server's, from its admission configuration). */
  clientAuthority?: ClientAuthority
  limits?: Partial<Limits>
  /** Milliseconds since the epoch. */
  now?(): number
}

/** Bounds on what requests may cost. Times in milliseconds. */
export interface Limits {
  /** By when a review is answered, from its head; below the webhook's timeoutSeconds. */
  deadline: number
  /** Bytes of a review: two objects of 3 MiB, and the rest. */
  reviewBytes: number
  auditBytes: number
  /** Bytes of all bodies that are being read. */
  bodiesBytes: number
  /** Requests at a time; more get 429, which the API server treats like no answer. */
  requests: number
  connections: number
  /** How long an idle connection stays: the API server keeps its own for 90 s, and must be the one to close. */
  keepAlive: number
  /** How long a stopping server goes on with the connections that it has. */
  drain: number
}

export const DEFAULT_LIMITS: Limits = {
  deadline: 2000,
  reviewBytes: 8 * 1024 * 1024,
  auditBytes: 16 * 1024 * 1024,
  bodiesBytes: 96 * 1024 * 1024,
  requests: 1024,
  connections: 2048,
  keepAlive: 120_000,
  drain: 5000,
}

/**
 * The HTTPS server that the API server calls: `POST /validate` and, where wanted, `POST /audit`.
 *
 * Judging takes well below a millisecond and waits for nothing, so requests are served in turn, without a queue of its
 * own. What cannot be judged gets an explicit answer ({@link Reviewer.whenBlind}); a request that is no review gets a
 * 4xx, and one too many a 429: to the API server both are failed calls, which the webhook's failurePolicy refuses.
 */
export class AdmissionServer {
  readonly #options: AdmissionServerOptions
  readonly #limits: Limits
  readonly #server: Server
  readonly #budget: BodyBudget
  /** Also those that have not shaken hands yet. */
  readonly #sockets = new Set<Socket>()
  #requests = 0
  #draining = false

  constructor(options: AdmissionServerOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#budget = { bytes: 0, limit: this.#limits.bodiesBytes }
    this.#server = this.#createServer()
  }

  /** Starts listening; resolves to the port. Rejects when the port cannot be had. */
  listen(port: number, host?: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', reject)
        resolve((this.#server.address() as AddressInfo).port)
      })
    })
  }

  /** Serves new connections with another certificate; established ones go on undisturbed. */
  setCertificates(certificate: ServerCertificate): void {
    this.#server.setSecureContext(this.#secureContext(certificate))
  }

  /**
   * Stops without losing a review. The API server learns only late that this address is gone, and a request that it
   * sends on a connection being closed is lost: so for a while everything is answered, each answer asks to close its
   * connection, and only then the rest is closed.
   */
  async stop(): Promise<void> {
    this.#draining = true
    if (!this.#server.listening) return
    const until = performance.now() + this.#limits.drain
    while (this.#sockets.size > 0 && performance.now() < until) await sleep(20)
    // Not the HTTP server's own close: that ends connections that have just been made for a request, too.
    const closed = new Promise((resolve) => NetServer.prototype.close.call(this.#server, resolve))
    const settled = performance.now() + Math.min(SETTLE_MS, this.#limits.drain)
    while (this.#sockets.size > 0 && performance.now() < settled) await sleep(20)
    this.#server.closeIdleConnections()
    const last = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, this.#limits.deadline)
    await closed
    clearTimeout(last)
    // Ends the timer that looks for slow connections.
    this.#server.close()
  }

  #createServer(): Server {
    const { keepAlive, connections, deadline } = this.#limits
    const application = this.#application()
    const server = createServer(
      {
        ...this.#secureContext(this.#options.certificate),
        keepAlive: true,
        keepAliveTimeout: keepAlive,
        headersTimeout: 10_000,
        requestTimeout: Math.max(10_000, deadline * 2),
        connectionsCheckingInterval: 1000,
        handshakeTimeout: 10_000,
        noDelay: true,
      },
      (request, response) =>
        isReview(request) ? this.#review(request, response) : application(request, response),
    )
    server.maxConnections = connections
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('tlsClientError', (error) => this.#options.onTlsError?.(error))
    server.on('secureConnection', (socket) => this.#checkClient(socket))
    return server
  }

  #secureContext({ certificate, key }: ServerCertificate) {
    const { clientAuthority } = this.#options
    return {
      cert: certificate,
      key,
      // API servers built for FIPS 140-2 speak nothing newer.
      minVersion: 'TLSv1.2' as const,
      ...(clientAuthority === undefined
        ? {}
        : { ca: clientAuthority.ca, requestCert: true, rejectUnauthorized: true }),
    }
  }

  /** Once a connection, not once a request. */
  #checkClient(socket: TLSSocket): void {
    const { clientAuthority, onTlsError } = this.#options
    if (clientAuthority === undefined) return
    const refusal = clientAllowed(socket, clientAuthority)
    if (refusal === undefined) return
    onTlsError?.(refusal)
    socket.destroy()
  }

  /** The one request that comes thousands of times a second goes past Express, which costs as much as judging it. */
  #review(request: IncomingMessage, response: ServerResponse): void {
    this.#admit(response, () => void this.#validate(request, response))
  }

  #application() {
    const app = express()
    app.disable('x-powered-by')
    app.disable('etag')
    app.set('query parser', false)
    app.set('env', 'production')
    app.use((_request, response, next) => this.#admit(response, next))
    // As somebody may write it behind a proxy.
    app.post('/validate', (request, response) => this.#validate(request, response))
    if (this.#options.audit !== undefined) {
      app.post('/audit', (request, response) => this.#audit(request, response))
    }
    app.all(['/validate', ...(this.#options.audit === undefined ? [] : ['/audit'])], (_request, response) =>
      answerError(response, 405, 'only POST is answered here'),
    )
    app.use((_request, response) => answerError(response, 404, 'nothing is here but /validate'))
    app.use(
      (error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) =>
        answerFailure(response, error),
    )
    return app
  }

  #admit(response: ServerResponse, next: () => void): void {
    if (this.#draining) response.setHeader('Connection', 'close')
    if (this.#requests >= this.#limits.requests) {
      return answerError(response, 429, 'too many requests at a time')
    }
    this.#requests++
    response.once('close', () => this.#requests--)
    next()
  }

  async #validate(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const start = performance.now()
    let slow = () => answerError(response, 408, 'the request was not complete in time')
    const deadline = setTimeout(() => slow(), this.#limits.deadline)
    try {
      checkContentType(request)
      const body = await readBody(request, { limit: this.#limits.reviewBytes, budget: this.#budget })
      const change = decodeReview(body, {
        kindOf: (group, resource) => this.#options.kindOf(group, resource),
        now: (this.#options.now ?? Date.now)(),
      })
      const verdict = review(change, this.#options)
      slow = () => answerJson(response, 200, reviewResponse(change, verdict))
      const told = this.#tell(change, verdict, performance.now() - start)
      if (told !== undefined) await told
      answerJson(response, 200, reviewResponse(change, verdict))
    } catch (error) {
      answerFailure(response, error)
    } finally {
      clearTimeout(deadline)
    }
  }

  #tell(change: Change, verdict: Verdict, ms: number): void | Promise<void> {
    const failed = (error: unknown) => this.#options.onError(asError(error), change)
    try {
      const told = this.#options.onVerdict?.(change, verdict, ms)
      return told === undefined ? undefined : told.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  async #audit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      checkContentType(request)
      const body = await readBody(request, { limit: this.#limits.auditBytes, budget: this.#budget })
      await this.#options.audit?.(body, request.headers.authorization)
      answerJson(response, 200, '{}')
    } catch (error) {
      answerFailure(response, error)
    }
  }
}

/** By then a connection that was just accepted has had its request. */
const SETTLE_MS = 500

function isReview({ method, url = '' }: IncomingMessage): boolean {
  return method === 'POST' && (url === '/validate' || url.startsWith('/validate?'))
}

function checkContentType(request: IncomingMessage): void {
  const type = (request.headers['content-type'] ?? '').toLowerCase()
  if (!type.startsWith('application/json'))
    throw new DecodeError(415, 'content-type must be application/json')
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw new DecodeError(415, 'an encoded body is not read')
}

/** Errors of ours say nothing of the inside: the body of a review holds Secrets. */
function answerFailure(response: ServerResponse, error: unknown): void {
  if (error instanceof DecodeError) answerError(response, error.status, error.message)
  else answerError(response, 500, 'an internal error')
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
