import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CertificateStore } from './certificate-store.ts'
import { MemoryStore } from './memory-store.ts'
import { Certificates, type CertificatesOptions, type ServedCertificate } from './rotate.ts'

const DAY = 86_400_000
const names = { dnsNames: ['localhost'], ips: ['127.0.0.1'] }

/** Certificates on a clock that the test sets, with what they told. */
async function start(t: TestContext, options: Partial<CertificatesOptions> & { at?: { now: number } } = {}) {
  const clock = options.at ?? { now: Date.now() }
  const changes: ServedCertificate[] = []
  const errors: Error[] = []
  const certificates = await Certificates.start({
    store: new MemoryStore(),
    names,
    settleMs: 0,
    now: () => clock.now,
    onChange: (served) => changes.push(served),
    onError: (error) => errors.push(error),
    ...options,
  })
  t.after(() => certificates.stop())
  return { certificates, changes, errors, clock }
}

const countCertificates = (bundle: string) => bundle.split('BEGIN CERTIFICATE').length - 1
const verifies = ({ certificate, caBundle }: ServedCertificate) =>
  caBundle
    .split(/(?=-----BEGIN)/)
    .some((pem) => new X509Certificate(certificate).verify(new X509Certificate(pem).publicKey))

test('a restart goes on with what was stored', async (t) => {
  const store = new MemoryStore()
  const first = await start(t, { store })
  const second = await start(t, { store })
  assert.deepEqual(second.certificates.current, first.certificates.current)
})

test('renew the serving certificate in time, under the same authority', async (t) => {
  const { certificates, changes, clock } = await start(t)
  const before = certificates.current
  clock.now += 61 * DAY
  await certificates.refresh()
  assert.equal(changes.length, 1)
  assert.equal(certificates.current.caBundle, before.caBundle)
  assert.notEqual(certificates.current.certificate, before.certificate)
  assert.ok(certificates.expiresAt > clock.now + 89 * DAY)
})

test('serve under a new authority only after the bundle that holds it was published', async (t) => {
  const { certificates, changes, clock } = await start(t)
  const before = certificates.current
  clock.now += 250 * DAY
  await certificates.refresh()
  const overlap = certificates.current
  assert.equal(countCertificates(overlap.caBundle), 2)
  assert.ok(overlap.caBundle.includes(before.caBundle))
  assert.ok(verifies({ ...overlap, caBundle: before.caBundle }), 'served by the old authority still')

  certificates.published(before.caBundle)
  await sleep(20)
  assert.equal(certificates.current.certificate, overlap.certificate, 'the old bundle is not enough')

  certificates.published(overlap.caBundle)
  while (certificates.current.certificate === overlap.certificate) await sleep(10)
  const after = certificates.current
  assert.ok(verifies(after))
  assert.ok(!verifies({ ...after, caBundle: before.caBundle }), 'served by the new authority')
  assert.ok(after.caBundle.includes(before.caBundle.trim()), 'the old one stays trusted')
  assert.ok(changes.every(verifies))

  clock.now += 200 * DAY
  await certificates.refresh()
  assert.ok(verifies(certificates.current))
})

test('make new ones when the authority has ended while nobody ran', async (t) => {
  const store = new MemoryStore()
  const clock = { now: Date.now() }
  const first = await start(t, { store, at: clock })
  first.certificates.stop()
  clock.now += 1000 * DAY
  const { certificates } = await start(t, { store, at: clock })
  assert.ok(certificates.expiresAt > clock.now)
  assert.ok(verifies(certificates.current))
  assert.ok(new X509Certificate(certificates.current.caBundle).validToDate.getTime() > clock.now)
})

for (const damage of ['', '{', '{"version":1}', '{"version":1,"authority":{},"serving":{}}', 'null']) {
  test(`make new ones when the store holds ${JSON.stringify(damage)}`, async (t) => {
    const store = new MemoryStore()
    await store.save(damage, undefined)
    const { certificates, errors } = await start(t, { store })
    assert.ok(verifies(certificates.current))
    assert.equal(errors.length, 1)
    assert.notEqual((await store.load())?.text, damage)
  })
}

test('save again what was deleted or damaged in the store while running, and serve the same', async (t) => {
  let store: CertificateStore = new MemoryStore()
  const proxy: CertificateStore = {
    load: () => store.load(),
    save: (text, over) => store.save(text, over),
  }
  const { certificates, errors, changes } = await start(t, { store: proxy })
  const before = certificates.current
  store = new MemoryStore()
  await certificates.refresh()
  assert.deepEqual(certificates.current, before)
  assert.ok((await store.load())?.text.includes(JSON.stringify(before.certificate)))
  assert.equal(errors.length, 1)
  assert.equal(changes.length, 0)
})

test('replicas that start together share one authority', async (t) => {
  const store = new MemoryStore()
  const replicas = await Promise.all([start(t, { store }), start(t, { store }), start(t, { store })])
  const bundles = new Set(replicas.map(({ certificates }) => certificates.current.caBundle))
  assert.equal(bundles.size, 1)
})

test('a replica takes over what another renewed, and both end with the same', async (t) => {
  const store = new MemoryStore()
  const clock = { now: Date.now() }
  const one = await start(t, { store, at: clock })
  const two = await start(t, { store, at: clock })
  clock.now += 61 * DAY
  await Promise.all([one.certificates.refresh(), two.certificates.refresh()])
  assert.deepEqual(two.certificates.current, one.certificates.current)
  assert.equal(two.changes.length, 1)
})

test('replicas with different names do not take turns', async (t) => {
  const store = new MemoryStore()
  const one = await start(t, { store, names: { dnsNames: ['one.svc'], ips: [] } })
  const two = await start(t, { store, names: { dnsNames: ['two.svc'], ips: ['::1'] } })
  await one.certificates.refresh()
  await two.certificates.refresh()
  assert.deepEqual(two.certificates.current, one.certificates.current)
  const served = new X509Certificate(one.certificates.current.certificate)
  assert.ok(served.checkHost('one.svc') && served.checkHost('two.svc') && served.checkIP('::1'))
})

test('a clock set back by a year gets certificates that both clocks accept', async (t) => {
  const { certificates, clock } = await start(t)
  const real = clock.now
  clock.now -= 365 * DAY
  await certificates.refresh()
  const renewed = certificates.current
  certificates.published(renewed.caBundle)
  while (certificates.current.certificate === renewed.certificate) await sleep(10)
  const { certificate, caBundle } = certificates.current
  for (const pem of [certificate, caBundle.split(/(?=-----BEGIN)/)[0]!]) {
    const { validFromDate, validToDate } = new X509Certificate(pem)
    for (const now of [clock.now, real]) {
      assert.ok(validFromDate.getTime() <= now && now <= validToDate.getTime())
    }
  }
})

test('a store that fails is told, and what is served stays', async (t) => {
  const working = new MemoryStore()
  let broken = false
  const store: CertificateStore = {
    load: () => (broken ? Promise.reject(new Error('no store')) : working.load()),
    save: (text, over) => (broken ? Promise.reject(new Error('no store')) : working.save(text, over)),
  }
  const { certificates, clock, errors } = await start(t, { store })
  const before = certificates.current
  broken = true
  clock.now += 61 * DAY
  await certificates.refresh()
  assert.deepEqual(certificates.current, before)
  assert.match(errors[0]!.message, /no store/)
  broken = false
  await certificates.refresh()
  assert.notEqual(certificates.current.certificate, before.certificate)
})

test('renewal while it runs drops no connection, and new ones see the new certificate', async (t) => {
  const running: { server?: Server } = {}
  const { certificates } = await start(t, {
    // The second is the resolution of a certificate: so lifetimes are seconds, with room for a busy machine to make keys.
    lifetimes: { authority: 15_000, serving: 7500 },
    checkMs: 100,
    now: Date.now,
    onChange(served) {
      running.server?.setSecureContext({ key: served.key, cert: served.certificate })
      certificates.published(served.caBundle)
    },
  })
  const server = (running.server = createServer(
    { key: certificates.current.key, cert: certificates.current.certificate, keepAliveTimeout: 60_000 },
    (_, response) => response.end('ok'),
  ))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo

  const kept = new Agent({ keepAlive: true, maxSockets: 1, ca: certificates.current.caBundle })
  t.after(() => kept.destroy())
  const reused: boolean[] = []
  const seen = new Set<string>()
  const authorities = new Set<string>()
  const end = Date.now() + 60_000
  while ((seen.size < 3 || authorities.size < 2) && Date.now() < end) {
    reused.push(await call(port, kept))
    const fresh = new Agent({ ca: certificates.current.caBundle })
    await call(port, fresh, (pem) => seen.add(pem))
    authorities.add(certificates.current.caBundle)
    await sleep(100)
  }
  assert.deepEqual(new Set(reused.slice(1)), new Set([true]), 'one connection served all')
  assert.ok(seen.size >= 3, `${seen.size} serving certificates`)
  assert.ok(authorities.size >= 2, `${authorities.size} bundles`)
})

/** One request; tells whether its connection had served another before. */
async function call(port: number, agent: Agent, certificate?: (pem: string) => void): Promise<boolean> {
  const sent = request({ host: 'localhost', port, agent }).end()
  const [response] = await once(sent, 'response')
  assert.equal(response.statusCode, 200)
  certificate?.(response.socket.getPeerX509Certificate().toString())
  response.resume()
  await once(response, 'end')
  return sent.reusedSocket
}
