/** The floor of a judged write: a bare node:https webhook that lets everything pass. A process of its own. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 }
const authority = await createAuthority({ validity })
const serving = await issueServing(authority, { names: { dnsNames: [], ips: ['127.0.0.1'] }, validity })
const server = createServer({ key: serving.key, cert: serving.certificate, keepAliveTimeout: 120_000 })
server.on('request', (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { uid } = JSON.parse(Buffer.concat(chunks).toString()).request as { uid: string }
    response.setHeader('Content-Type', 'application/json')
    response.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid, allowed: true },
      }),
    )
  })
})
server.listen(0, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port, ca: authority.certificate }),
)
process.on('disconnect', () => process.exit())
