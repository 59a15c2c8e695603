import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Violation } from '../../src/model/violation.ts'

/** Takes what the guard tells people: violations as JSON under `/violations`, chat messages as sent under any other path. */
export class Sink {
  readonly violations: Violation[] = []
  readonly chat: string[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<Sink> {
    const server = createServer()
    const sink = new Sink(server)
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        if (request.url === '/violations') sink.violations.push(JSON.parse(body) as Violation)
        else sink.chat.push(body)
        response.end('ok')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    return sink
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
