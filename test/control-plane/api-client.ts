import { Agent, request } from 'node:https'
import type { Credential } from './certificates.ts'

/** What the API server answered: the status and the body, parsed when it is JSON. */
export interface ApiAnswer {
  status: number
  body: any // eslint-disable-line @typescript-eslint/no-explicit-any
}

/** Raw requests to the API server as one user. */
export class ApiClient {
  readonly #url: string
  readonly #agent: Agent

  constructor(url: string, { ca, certificate, key }: Credential & { ca: string }) {
    this.#url = url
    this.#agent = new Agent({ keepAlive: true, ca, cert: certificate, key })
  }

  /** Sends one request; rejects only when there is no answer. */
  send(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<ApiAnswer> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      // Said outright: for a DELETE Node would send the body without it.
      const headers =
        text === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }
      const sent = request(
        this.#url + path,
        { method, agent: this.#agent, headers, timeout: 30_000 },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) }),
          )
        },
      )
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in 30 s`)))
      sent.on('error', reject)
      sent.end(text)
    })
  }

  /** Creates an object; one that exists already is left as it is. */
  async ensure(collection: string, object: object): Promise<void> {
    const { status, body } = await this.send('POST', collection, object)
    if (status >= 300 && status !== 409)
      throw new Error(`cannot create in ${collection}: ${status} ${body.message ?? body}`)
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
