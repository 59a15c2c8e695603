import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { until } from './until.ts'

/** Stands where Slack would be, takes its incoming-webhook messages, and can go away and come back on the same port. */
export class Chat {
  /** As they came. */
  readonly messages: string[] = []
  #server: Server | undefined
  #port = 0

  async open(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        this.messages.push(Buffer.concat(chunks).toString())
        response.end('ok')
      })
    })
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    server.unref()
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/services/e2e`
  }

  /** Connections are refused from now on. */
  close(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }

  /** Waits for a message that says all of this. */
  async told(...texts: string[]): Promise<string> {
    const find = () => this.messages.find((message) => texts.every((text) => message.includes(text)))
    return await until(`the chat is told of ${texts.join(', ')}`, find, { ms: 30_000 })
  }
}
