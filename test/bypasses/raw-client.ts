import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'

export interface RawAnswer {
  status: number
  text: string
  /** The body, parsed where it is JSON. */
  body: any // eslint-disable-line @typescript-eslint/no-explicit-any
}

export interface RawOptions {
  headers?: Record<string, string>
  contentType?: string
}

/** Raw requests to the API server as the user of a kubeconfig. */
export class RawClient {
  readonly #server: string
  readonly #agent: Agent
  readonly #headers: Record<string, string>

  constructor(kubeconfig: string) {
    const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8'))
    const [{ cluster }] = clusters
    const [{ user }] = users
    const plain = (base64: string | undefined) =>
      base64 === undefined ? undefined : Buffer.from(base64, 'base64')
    this.#server = cluster.server
    this.#headers = user.token === undefined ? {} : { authorization: `Bearer ${user.token}` }
    this.#agent = new Agent({
      keepAlive: true,
      ca: plain(cluster['certificate-authority-data']),
      cert: plain(user['client-certificate-data']),
      key: plain(user['client-key-data']),
    })
  }

  send(method: string, path: string, body?: unknown, options: RawOptions = {}): Promise<RawAnswer> {
    const { headers, contentType = 'application/json' } = options
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#server + path,
        {
          method,
          agent: this.#agent,
          headers: {
            ...this.#headers,
            ...(body === undefined ? {} : { 'content-type': contentType }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve({ status: response.statusCode ?? 0, text, body: parse(text) })
          })
        },
      )
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
