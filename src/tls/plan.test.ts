import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { createAuthority } from './authority.ts'
import type { Credential } from './credential.ts'
import { issueServing } from './issue.ts'
import { plan, validity } from './plan.ts'
import type { CertificateState } from './state.ts'

const DAY = 86_400_000
const START = Date.UTC(2026, 0, 1)
const names = { dnsNames: ['guard.svc'], ips: [] }
let authority: Credential
let state: CertificateState

before(async () => {
  authority = await createAuthority({ validity: { notBefore: START, notAfter: START + 300 * DAY } })
  const serving = await issueServing(authority, {
    names,
    validity: { notBefore: START, notAfter: START + 90 * DAY },
  })
  state = { authority, serving, retired: [] }
})

const at = (days: number, changed: Partial<CertificateState> = {}) =>
  plan({ ...state, ...changed }, { now: START + days * DAY, names })

test('wait while two thirds of the lifetime are not over', () => {
  assert.deepEqual(at(10), { step: 'wait', until: START + 60 * DAY })
})
test('renew the serving certificate after two thirds, and after its end', () => {
  assert.equal(at(60).step, 'renew-serving')
  assert.equal(at(100).step, 'renew-serving')
})
test('prepare the next authority after two thirds of the old one, once', () => {
  assert.equal(at(200).step, 'prepare-authority')
  assert.equal(at(200, { next: authority }).step, 'renew-serving')
})
test('replace an authority that has ended', () => {
  assert.equal(at(301).step, 'replace-authority')
})
test('renew the serving certificate when a name is missing', () => {
  const other = { dnsNames: ['guard.svc', 'other.svc'], ips: [] }
  assert.equal(plan(state, { now: START + DAY, names: other }).step, 'renew-serving')
  const address = { dnsNames: ['guard.svc'], ips: ['10.0.0.1'] }
  assert.equal(plan(state, { now: START + DAY, names: address }).step, 'renew-serving')
})
test('renew both when the clock was set to before they begin', () => {
  assert.equal(at(-10).step, 'prepare-authority')
  assert.equal(at(-10, { next: authority }).step, 'renew-serving')
})
test('not loop over a serving certificate that ends with its authority', async () => {
  const serving = await issueServing(authority, {
    names,
    validity: { notBefore: START + 250 * DAY, notAfter: START + 400 * DAY },
  })
  assert.deepEqual(at(290, { serving, next: authority }), { step: 'wait', until: START + 300 * DAY })
})
test('what is made while the clock is set back suits both clocks', () => {
  const now = START - 100 * DAY
  const made = validity(90 * DAY, { now, predecessor: authority.certificate })
  assert.ok(made.notBefore < now)
  assert.equal(made.notAfter, START + 300 * DAY)
})
test('what is made begins five minutes earlier, for clocks that are behind', () => {
  assert.deepEqual(validity(DAY, { now: START }), { notBefore: START - 300_000, notAfter: START + DAY })
})
