/** A conversion webhook of a custom kind that a real API server calls. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority } from '../control-plane/certificates.ts'

export interface ConversionWebhook {
  /** For `clientConfig`. */
  url: string
  caBundle: string
  /** Objects converted. */
  readonly calls: number
  stop(): Promise<void>
}

/** @param convert makes an object of another version one of this `apiVersion`. */
export async function startConversionWebhook<T>(
  convert: (object: T, apiVersion: string) => T,
): Promise<ConversionWebhook> {
  const authority = await createAuthority()
  const { certificate, key } = await authority.issue({ commonName: 'webhook', ips: ['127.0.0.1'] })
  let calls = 0
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString())
      const { uid, desiredAPIVersion, objects } = review.request
      calls += objects.length
      const convertedObjects = objects.map((object: T) => convert(object, desiredAPIVersion))
      const answer = { uid, convertedObjects, result: { status: 'Success' } }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response: answer }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    get calls() {
      return calls
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
