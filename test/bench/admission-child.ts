/**
 * The server of the admission benchmark, in a process of its own so that its CPU time is its own:
 * `guard` is AdmissionServer with the real rules, `echo` a bare node:https server that sends the body back.
 * Says its port, and its CPU time (microseconds) when asked, over IPC.
 */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { AdmissionServer } from '../../src/admission/server.ts'
import { judge } from '../../src/policy/judge.ts'
import { reviewBody } from './admission-review.ts'
import { testPolicy } from '../admission/test-guard.ts'
import { createAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3600_000 }
const authority = await createAuthority({ validity })
const serving = await issueServing(authority, { names: { dnsNames: ['localhost'], ips: [] }, validity })

// What the review changes is what Git declares, but for the image.
const { oldObject } = JSON.parse(reviewBody('')).request
delete oldObject.status
for (const key of ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields']) {
  delete oldObject.metadata[key]
}
const policy = testPolicy({}, { objects: [oldObject] })

const port = process.argv[2] === 'echo' ? await echo() : await guard()
process.send?.({ port, ca: authority.certificate })
process.on('message', () => process.send?.({ cpu: process.cpuUsage(), memory: process.memoryUsage.rss() }))
process.on('disconnect', () => process.exit())

function guard(): Promise<number> {
  const server = new AdmissionServer({
    certificate: serving,
    kindOf: () => 'Deployment',
    judge: (change) => judge(change, policy),
    ready: () => true,
    whenBlind: () => 'deny',
    onError: (error) => console.error(error),
  })
  return server.listen(0, '127.0.0.1')
}

function echo(): Promise<number> {
  const server = createServer(
    { key: serving.key, cert: serving.certificate, keepAliveTimeout: 120_000 },
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length })
        response.end(body)
      })
    },
  )
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
}
