import * as https from 'node:https'
import { connect, type Connection } from '../../src/cluster/connection.ts'
import type { Json } from '../../src/model/json.ts'
import { parseJson, stringifyJson } from '../../src/object/json.ts'

/** What the API server answered; big integers are exact. */
export interface RawAnswer {
  status: number
  body: Json
}

/** Raw requests as one user: bodies go as they are written, so that the API server reads YAML by itself. */
export class RawRequests {
  readonly #connection: Connection

  constructor(kubeconfig: string) {
    this.#connection = connect({ kubeconfig })
  }

  async send(
    method: string,
    path: string,
    body?: string | Json,
    contentType = 'application/json',
  ): Promise<RawAnswer> {
    const { headers, options } = await this.#connection.authorize()
    const text = body === undefined || typeof body === 'string' ? body : stringifyJson(body)
    return new Promise((resolve, reject) => {
      const request = https.request(
        this.#connection.server + path,
        {
          ...options,
          method,
          headers: { ...headers, ...(text === undefined ? {} : { 'content-type': contentType }) },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const answer = Buffer.concat(chunks).toString()
            resolve({ status: response.statusCode ?? 0, body: parsed(answer) })
          })
        },
      )
      request.on('error', reject)
      request.end(text)
    })
  }

  close(): void {
    this.#connection.close()
  }
}

function parsed(text: string): Json {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}
