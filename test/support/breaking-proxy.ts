/** Stands between a client and a real API server, and breaks things. */
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Connection } from '../../src/cluster/connection.ts'

/** What is answered instead of what the API server says. */
export interface Refusal {
  status: number
  /** The `reason` of the Status. */
  reason?: string
  /** JSON. Default: a Status. */
  body?: string
  headers?: http.OutgoingHttpHeaders
}

/**
 * Plain HTTP on a loopback port, forwarded to the API server with the credentials of `upstream`. {@link connection} is the way to it.
 */
export class BreakingProxy {
  readonly #upstream: Connection
  readonly #server: http.Server
  readonly #sockets = new Set<Socket>()
  readonly #watches = new Set<http.ServerResponse>()
  readonly #refusals: { matches: (url: string) => boolean; refusal: Refusal; times: number }[] = []
  #silent = false
  #rewrite = (url: string) => url
  #delayMs = 0
  #port = 0
  /** Requests that came, as `GET /path?query`. */
  readonly requests: string[] = []

  constructor(upstream: Connection) {
    this.#upstream = upstream
    this.#server = http.createServer((request, response) => void this.#handle(request, response))
    this.#server.keepAliveTimeout = 60_000
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  /** Open watches that pass through. */
  get watches(): number {
    return this.#watches.size
  }

  /** Listens, on the same port as before if it did. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Refuses connections, and ends those that there are. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.drop()
    await closed
  }

  connection(): Connection {
    const agent = new http.Agent({ keepAlive: true })
    return {
      server: `http://127.0.0.1:${this.#port}`,
      name: 'breaking-proxy',
      namespace: undefined,
      authorize: () => Promise.resolve({ headers: {}, options: { agent: agent as https.Agent } }),
      expire: () => undefined,
      close: () => agent.destroy(),
    }
  }

  /** Resets every connection. */
  drop(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Ends open watches in good order, as an API server does after timeoutSeconds. */
  endWatches(): void {
    for (const response of this.#watches) response.end()
  }

  /** Writes bytes into open watches. */
  inject(text: string): void {
    for (const response of this.#watches) response.write(text)
  }

  /** Half-open: nothing gets through, in either direction, and nobody is told. */
  swallow(silent: boolean): void {
    this.#silent = silent
  }

  /** Every answer comes so much later. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Asks the API server for something else. */
  rewrite(change: (url: string) => string): void {
    this.#rewrite = change
  }

  /** Answers the next requests that match by itself. */
  refuse(matches: (url: string) => boolean, refusal: Refusal, times = 1): void {
    this.#refusals.push({ matches, refusal, times })
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = request.url ?? ''
    this.requests.push(`${request.method} ${url}`)
    if (this.#silent) return
    if (this.#delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#delayMs))
    const planned = this.#refusals.find(({ matches, times }) => times > 0 && matches(url))
    if (planned !== undefined) {
      planned.times--
      answer(response, planned.refusal)
      return
    }
    await this.#forward(request, response)
  }

  async #forward(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { headers, options } = await this.#upstream.authorize()
    const forwarded = https.request(this.#upstream.server + this.#rewrite(request.url ?? ''), {
      ...options,
      method: request.method,
      headers: { ...request.headers, ...headers, host: new URL(this.#upstream.server).host },
    })
    forwarded.on('error', () => response.destroy())
    response.on('close', () => forwarded.destroy())
    forwarded.on('response', (from) => {
      const isWatch = new URL(request.url ?? '', 'http://x').searchParams.has('watch')
      if (isWatch) {
        this.#watches.add(response)
        response.on('close', () => this.#watches.delete(response))
      }
      response.writeHead(from.statusCode ?? 502, from.headers)
      response.flushHeaders()
      from.on('data', (chunk: Buffer) => {
        if (!this.#silent && !response.write(chunk)) {
          from.pause()
          response.once('drain', () => from.resume())
        }
      })
      from.on('end', () => response.end())
      from.on('error', () => response.destroy())
    })
    request.pipe(forwarded)
  }
}

function answer(response: http.ServerResponse, { status, reason = '', body, headers = {} }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(
    body ??
      JSON.stringify({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        message: `broken: ${status}`,
        reason,
        code: status,
      }),
  )
}
