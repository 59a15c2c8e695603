import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
}

export interface Reply {
  status?: number
  headers?: Record<string, string>
  body?: string
  /** Milliseconds before the answer. */
  delay?: number
  /** Closes the connection instead of answering. */
  hangUp?: boolean
}

/** A server on loopback that keeps what it is sent and answers as it is told. */
export async function httpStandIn(reply: (request: Received, count: number) => Reply = () => ({}), port = 0) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      received.push(one)
      const { status = 200, headers = {}, body = 'ok', delay = 0, hangUp } = reply(one, received.length)
      setTimeout(() => {
        if (hangUp) return void request.socket.destroy()
        response.writeHead(status, headers).end(body)
      }, delay)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    received,
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
