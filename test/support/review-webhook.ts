/** An HTTPS server that a real API server calls with reviews: what mutating and conversion webhooks have in common. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority } from '../control-plane/certificates.ts'

export interface ReviewWebhook {
  /** For `clientConfig`. */
  url: string
  caBundle: string
  stop(): Promise<void>
}

/** @param answer makes the `response` of a review from its `request`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export async function startReviewWebhook(answer: (request: any) => object): Promise<ReviewWebhook> {
  const authority = await createAuthority()
  const { certificate, key } = await authority.issue({ commonName: 'webhook', ips: ['127.0.0.1'] })
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { apiVersion, kind, request: asked } = JSON.parse(Buffer.concat(chunks).toString())
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, ...answer(asked) } }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
