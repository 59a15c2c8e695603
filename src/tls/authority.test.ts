import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createAuthority } from './authority.ts'
import { issueServing } from './issue.ts'

const NOW = Date.now()
const validity = { notBefore: NOW - 60_000, notAfter: NOW + 3600_000 }

test('a serving certificate verifies against its authority, for its names only', async () => {
  const authority = await createAuthority({ validity })
  const names = { dnsNames: ['guard.gitops-guard.svc', 'localhost'], ips: ['127.0.0.1', '::1'] }
  const { certificate, key } = await issueServing(authority, { names, validity })
  const serving = new X509Certificate(certificate)
  const ca = new X509Certificate(authority.certificate)
  assert.ok(serving.checkIssued(ca))
  assert.ok(serving.verify(ca.publicKey))
  assert.ok(ca.ca)
  assert.ok(!serving.ca)
  assert.equal(serving.checkHost('guard.gitops-guard.svc'), 'guard.gitops-guard.svc')
  assert.equal(serving.checkHost('guard.other.svc'), undefined)
  assert.equal(serving.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(serving.checkIP('::1'), '::1')
  assert.deepEqual(serving.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert.ok(key.includes('PRIVATE KEY'))
})

test('serial numbers are positive, 128 bits long and never twice the same', async () => {
  const authority = await createAuthority({ validity })
  const serials = new Set<string>()
  for (let i = 0; i < 3; i++) {
    const { certificate } = await issueServing(authority, { names: { dnsNames: ['a'], ips: [] }, validity })
    const serial = new X509Certificate(certificate).serialNumber
    assert.match(serial, /^[4-7][\dA-F]{31}$/)
    serials.add(serial)
  }
  assert.equal(serials.size, 3)
})

test('a serving certificate ends no later than its authority', async () => {
  const authority = await createAuthority({ validity })
  const { certificate } = await issueServing(authority, {
    names: { dnsNames: ['a'], ips: [] },
    validity: { ...validity, notAfter: NOW + 7200_000 },
  })
  const ends = (pem: string) => new X509Certificate(pem).validTo
  assert.equal(ends(certificate), ends(authority.certificate))
})

test('a client that trusts two authorities of one name accepts certificates of both', async () => {
  const authorities = await Promise.all([createAuthority({ validity }), createAuthority({ validity })])
  const subjects = authorities.map(({ certificate }) => new X509Certificate(certificate).subject)
  assert.equal(subjects[0], subjects[1])
  const ca = authorities.map(({ certificate }) => certificate).join('')
  for (const authority of authorities) {
    const serving = await issueServing(authority, { names: { dnsNames: ['localhost'], ips: [] }, validity })
    const server = createServer({ key: serving.key, cert: serving.certificate }, (_, response) =>
      response.end('ok'),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const sent = request({ host: 'localhost', port, ca, agent: false }).end()
    const [response] = await once(sent, 'response')
    assert.equal(response.statusCode, 200)
    response.resume()
    server.close()
  }
})
