/** A mutating webhook that a real API server calls. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority } from '../control-plane/certificates.ts'

/** One operation of a JSON patch (RFC 6902). */
export interface PatchOperation {
  op: 'add' | 'replace' | 'remove'
  path: string
  value?: unknown
}

export interface MutatingWebhook {
  /** For `clientConfig`. */
  url: string
  caBundle: string
  /** Reviews answered. */
  readonly calls: number
  stop(): Promise<void>
}

/** Answers each review with the patch that `mutate` makes of its object. */
export async function startMutatingWebhook(
  mutate: (object: { metadata: { name: string } }) => PatchOperation[],
): Promise<MutatingWebhook> {
  const authority = await createAuthority()
  const { certificate, key } = await authority.issue({ commonName: 'webhook', ips: ['127.0.0.1'] })
  let calls = 0
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      calls++
      const review = JSON.parse(Buffer.concat(chunks).toString())
      const patch = Buffer.from(JSON.stringify(mutate(review.request.object))).toString('base64')
      const answer = { uid: review.request.uid, allowed: true, patchType: 'JSONPatch', patch }
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
