import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Block {
  type: string
  text?: { text: string }
  fields?: { text: string }[]
  elements?: { text: string }[]
}

/**
 * Stands where Slack would be: takes incoming-webhook messages and keeps them as a chat would show them. The demo runs
 * without a network, so the vendor's own service cannot be asked.
 */
export class ChatWindow {
  readonly messages: { at: number; lines: string[] }[] = []
  readonly #server: Server
  #shown = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<ChatWindow> {
    const server = createServer()
    const chat = new ChatWindow(server)
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { blocks = [] } = JSON.parse(Buffer.concat(chunks).toString()) as { blocks?: Block[] }
        chat.messages.push({ at: Date.now(), lines: blocks.flatMap(linesOf) })
        response.end('ok')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    return chat
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/services/demo`
  }

  /** The messages since the last call, waiting up to `waitMs` for the first of them. */
  async news(waitMs: number): Promise<string[][]> {
    const until = Date.now() + waitMs
    while (this.messages.length === this.#shown && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 50))
    const news = this.messages.slice(this.#shown)
    this.#shown = this.messages.length
    return news.map((message) => message.lines)
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

function linesOf(block: Block): string[] {
  const fields = (block.fields ?? []).map(({ text }) => plain(text).replace('\n', ': '))
  const elements = (block.elements ?? []).map(({ text }) => plain(text)).join(' · ')
  const text = block.text === undefined ? [] : plain(block.text.text).split('\n')
  return [...text, ...(fields.length > 0 ? [fields.join('   ')] : []), ...(elements === '' ? [] : [elements])]
}

/** Slack's markup as a screen shows it. */
function plain(text: string): string {
  return text
    .replaceAll('```', '')
    .replace(/<(https?:[^|>]+)\|([^>]*)>/g, '$2')
    .replace(/[*`]([^*`\n]+)[*`]/g, '$1')
    .replace(/^>/gm, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .trim()
}
