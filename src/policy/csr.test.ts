import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { certificateRequest as request } from '../../test/policy/certificate-request.ts'
import { requestedSubject } from './csr.ts'

test('read the common name and organizations of a request', () => {
  const subject = requestedSubject(
    request([
      { name: 'countryName', value: 'CH' },
      { name: 'organizationName', value: 'system:nodes' },
      { name: 'organizationName', value: 'shop' },
      { name: 'commonName', value: 'system:node:worker-1' },
    ]),
  )
  assert.deepEqual(subject, {
    commonNames: ['system:node:worker-1'],
    organizations: ['system:nodes', 'shop'],
  })
})
test('read every common name: the API server takes the last', () => {
  const subject = requestedSubject(
    request([
      { name: 'commonName', value: 'alice' },
      { name: 'commonName', value: 'system:apiserver' },
    ]),
  )
  assert.deepEqual(subject?.commonNames, ['alice', 'system:apiserver'])
})
test('read names beyond ASCII', () => {
  assert.deepEqual(requestedSubject(request([{ name: 'commonName', value: 'zoë' }]))?.commonNames.length, 1)
})
test('read an empty subject', () => {
  assert.deepEqual(requestedSubject(request([])), { commonNames: [], organizations: [] })
})
for (const [name, value] of Object.entries({
  nothing: undefined,
  'a number': 1,
  'no base64': '%%%',
  'base64 of no PEM': btoa('hello'),
  'PEM of no DER': btoa('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'),
})) {
  test(`say that ${name} cannot be read`, () => assert.equal(requestedSubject(value), undefined))
}
test('never throw, loop or read past the end, whatever the bytes', () => {
  const good = Buffer.from(request([{ name: 'commonName', value: 'alice' }]), 'base64').toString()
  const der = Buffer.from(good.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  const pem = (bytes: Uint8Array) =>
    btoa(
      `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE REQUEST-----`,
    )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { maxLength: 8 }), (edits) => {
      const copy = Uint8Array.from(der)
      for (const [at, byte] of edits) copy[at] = byte
      requestedSubject(pem(copy))
    }),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void requestedSubject(pem(bytes))),
    { numRuns: 2000 },
  )
})
