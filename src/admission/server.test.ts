import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request, type RequestOptions } from 'node:https'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { reviewBody } from '../../test/bench/admission-review.ts'
import { createAuthority as createClientAuthority } from '../../test/control-plane/certificates.ts'
import type { Verdict } from '../model/verdict.ts'
import { createAuthority } from '../tls/authority.ts'
import type { Credential } from '../tls/credential.ts'
import { issueServing } from '../tls/issue.ts'
import { AdmissionServer, type AdmissionServerOptions } from './server.ts'

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3600_000 }
const names = { dnsNames: ['localhost'], ips: ['127.0.0.1'] }
const allow: Verdict = { decision: 'allow', rule: 'agent', reason: '', changes: [], enforced: 'allow' }
const deny: Verdict = { decision: 'deny', rule: 'declared', reason: 'Git.', changes: [], enforced: 'deny' }

let authority: Credential
let certificate: Credential
const cleanUps: (() => unknown)[] = []

before(async () => {
  authority = await createAuthority({ validity })
  certificate = await issueServing(authority, { names, validity })
})
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
})

async function start(changed: Partial<AdmissionServerOptions> = {}) {
  const errors: Error[] = []
  const server = new AdmissionServer({
    certificate,
    kindOf: () => 'Deployment',
    judge: ({ actor }) => (actor.username === 'alice' ? deny : allow),
    ready: () => true,
    whenBlind: () => 'deny',
    onError: (error) => errors.push(error),
    ...changed,
    limits: { drain: 50, ...changed.limits },
  })
  const port = await server.listen(0, '127.0.0.1')
  const agent = new Agent({ keepAlive: true, ca: authority.certificate, maxSockets: 200 })
  cleanUps.push(() => agent.destroy())
  cleanUps.push(() => server.stop())
  return { server, port, agent, errors }
}

interface Answer {
  status: number
  text: string
  headers: Record<string, unknown>
  reused: boolean
}

interface Sending extends RequestOptions {
  body?: string | Buffer
}

async function send({ port, agent }: { port: number; agent: Agent }, options: Sending = {}): Promise<Answer> {
  const { body = reviewBody('u1'), ...rest } = options
  const sent = request({
    host: 'localhost',
    port,
    agent,
    method: 'POST',
    path: '/validate?timeout=5s',
    headers: { 'content-type': 'application/json' },
    ...rest,
  })
  sent.end(body)
  const [response] = await once(sent, 'response')
  sent.on('error', () => {})
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, text, headers: response.headers, reused: sent.reusedSocket }
}

const decision = ({ text }: Answer) => JSON.parse(text).response.allowed as boolean

test('a review is answered with its verdict, and with no header that tells about the inside', async () => {
  const at = await start()
  const denied = await send(at)
  assert.equal(denied.status, 200)
  assert.equal(decision(denied), false)
  assert.deepEqual(Object.keys(denied.headers).toSorted(), [
    'connection',
    'content-length',
    'content-type',
    'keep-alive',
  ])
  assert.equal(decision(await send(at, { body: reviewBody('u2', 'agent') })), true)
})

test('what is no review gets a 4xx, the next one its verdict', async () => {
  const at = await start()
  const refused: [number, Sending][] = [
    [400, { body: '' }],
    [400, { body: 'x' }],
    [400, { body: Buffer.from([0xff, 0xfe, 0]) }],
    [400, { body: '{"kind":"AdmissionReview"}' }],
    [415, { headers: {} }],
    [415, { headers: { 'content-type': 'text/yaml' } }],
    [415, { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } }],
    [405, { method: 'GET', body: '' }],
    [405, { method: 'PUT' }],
    [404, { path: '/' }],
    [404, { path: '/audit' }],
    [404, { path: '/validate/../x' }],
    [404, { path: '/%E0%A4%A' }],
  ]
  for (const [status, sending] of refused) {
    const answer = await send(at, sending)
    assert.equal(answer.status, status, `${JSON.stringify(sending)}: ${answer.text}`)
    assert.equal(typeof JSON.parse(answer.text).error, 'string')
  }
  assert.equal(decision(await send(at)), false)
  assert.deepEqual(at.errors, [])
})

test('a body above the limit is refused by its length, or as soon as it is too long', async () => {
  const at = await start()
  const body = Buffer.alloc(9 * 1024 * 1024, 0x20)
  const headers = { 'content-type': 'application/json' }
  const answers = await Promise.all([
    send(at, { body, headers: { ...headers, 'content-length': body.length } }).catch(status),
    send(at, { body, headers: { ...headers, 'transfer-encoding': 'chunked' } }).catch(status),
  ])
  // Who is still sending may see the connection end before the answer.
  for (const answer of answers) assert.ok(answer === 'ended' || answer.status === 413)
  assert.equal(decision(await send(at)), false)
})

const status = (error: NodeJS.ErrnoException) => {
  assert.match(error.code ?? '', /ECONNRESET|EPIPE/)
  return 'ended' as const
}

test('a body of two 3 MiB objects is read', async () => {
  const at = await start()
  const pad = 'x'.repeat(3 * 1024 * 1024)
  const body = JSON.parse(reviewBody('big'))
  body.request.object.metadata.annotations.pad = pad
  body.request.oldObject.metadata.annotations.pad = pad
  assert.equal(decision(await send(at, { body: JSON.stringify(body) })), false)
})

test('a body that never ends is given up at the deadline', async () => {
  const at = await start({ limits: { deadline: 200 } })
  const sent = request({
    host: 'localhost',
    port: at.port,
    agent: at.agent,
    method: 'POST',
    path: '/validate',
    headers: { 'content-type': 'application/json' },
  })
  sent.on('error', () => {})
  sent.write('{')
  const start_ = performance.now()
  const [response] = await once(sent, 'response')
  assert.equal(response.statusCode, 408)
  assert.ok(performance.now() - start_ < 1000)
  response.resume()
  sent.destroy()
  assert.equal(decision(await send(at)), false)
})

test('many bodies that never end leave room for reviews, and their memory is bounded', async () => {
  const at = await start({ limits: { deadline: 1500, bodiesBytes: 1024 * 1024 } })
  const slow = Array.from({ length: 50 }, () => {
    const sent = request({
      host: 'localhost',
      port: at.port,
      agent: at.agent,
      method: 'POST',
      path: '/validate',
      headers: { 'content-type': 'application/json' },
    })
    sent.on('error', () => {})
    sent.write(' '.repeat(100_000))
    return sent
  })
  const answers = await Promise.all(
    slow.map((sent) => once(sent, 'response').then(([{ statusCode }]) => statusCode)),
  )
  assert.ok(answers.includes(503))
  assert.ok(answers.includes(408))
  assert.equal(decision(await send(at)), false)
  for (const sent of slow) sent.destroy()
})

test('one request too many at a time gets 429', async () => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const at = await start({ limits: { requests: 3 }, onVerdict: () => gate })
  const waiting = [send(at), send(at), send(at)]
  await sleep(100)
  const fourth = await send(at)
  assert.equal(fourth.status, 429)
  assert.equal(fourth.headers['retry-after'], '1')
  release()
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200)
  assert.equal((await send(at)).status, 200)
})

test('a denial is recorded before it is answered', async () => {
  const order: string[] = []
  const at = await start({
    async onVerdict({ id }, { decision }, ms) {
      await sleep(50)
      assert.ok(ms >= 0 && ms < 1000)
      order.push(`recorded ${id} ${decision}`)
    },
  })
  await send(at).then(() => order.push('answered'))
  assert.deepEqual(order, ['recorded u1 deny', 'answered'])
})

test('a record that takes too long, or fails, holds up no answer', async () => {
  const slow = await start({
    limits: { deadline: 200 },
    onVerdict: () => sleep(3000, undefined, { ref: false }),
  })
  const began = performance.now()
  assert.equal(decision(await send(slow)), false)
  assert.ok(performance.now() - began < 1500)
  const failing = await start({ onVerdict: () => Promise.reject(new Error('disk full')) })
  assert.equal(decision(await send(failing)), false)
  assert.equal(failing.errors[0]?.message, 'disk full')
  const throwing = await start({
    onVerdict: () => {
      throw new Error('bug')
    },
  })
  assert.equal(decision(await send(throwing)), false)
  assert.equal(throwing.errors[0]?.message, 'bug')
})

test('while not ready people are refused with a reason, and agents let through', async () => {
  const at = await start({
    ready: () => false,
    whenBlind: ({ actor }) => (actor.username === 'alice' ? 'deny' : 'allow'),
  })
  const refused = await send(at)
  assert.equal(decision(refused), false)
  assert.match(refused.text, /has not read the current state of Git yet/)
  assert.equal(decision(await send(at, { body: reviewBody('u', 'agent') })), true)
})

test('an error in a rule denies with an id, tells, and stops nothing', async () => {
  const at = await start({
    judge: () => {
      throw new Error('a bug with a Secret in it')
    },
  })
  const answer = await send(at)
  assert.equal(decision(answer), false)
  assert.match(answer.text, /\(rule [a-z-]+, id [\da-f]{12}\)/)
  assert.doesNotMatch(answer.text, /a Secret in it/)
  assert.equal(at.errors.length, 1)
})

test('audit events are handed on; a failure asks for them again', async () => {
  const bodies: string[] = []
  const at = await start({
    audit(body) {
      if (body.includes('bad')) throw new Error('no')
      bodies.push(body.toString())
    },
  })
  assert.equal((await send(at, { path: '/audit?timeout=30s', body: '{"kind":"EventList"}' })).status, 200)
  assert.deepEqual(bodies, ['{"kind":"EventList"}'])
  assert.equal((await send(at, { path: '/audit', body: '"bad"' })).status, 500)
  assert.equal((await send(at, { path: '/audit', method: 'GET', body: '' })).status, 405)
})

test('a connection is kept for longer than the API server keeps it idle', async () => {
  const at = await start()
  assert.equal((await send(at)).headers['keep-alive'], 'timeout=120')
  await sleep(1500)
  assert.equal((await send(at)).reused, true)
})

test('a new certificate under load loses no request and no connection', async () => {
  const at = await start()
  const other = await issueServing(authority, { names, validity })
  let stop = false
  const answers: Answer[] = []
  const workers = Array.from({ length: 20 }, async () => {
    while (!stop) answers.push(await send(at))
  })
  for (let i = 0; i < 10; i++) {
    const answered = answers.length
    while (answers.length < answered + 20) await sleep(10)
    at.server.setCertificates(i % 2 === 0 ? other : certificate)
  }
  stop = true
  await Promise.all(workers)
  assert.ok(answers.every((answer) => answer.status === 200 && !decision(answer)))
  assert.ok(answers.filter(({ reused }) => !reused).length <= 20, 'no connection was lost')
  at.server.setCertificates(other)
  const socket = await handshake({ port: at.port, ca: authority.certificate })
  assert.equal(socket.getPeerX509Certificate()?.toString(), other.certificate)
  socket.destroy()
})

test('stopping under load loses no request', async () => {
  const at = await start({ limits: { drain: 2000 } })
  const answers: Answer[] = []
  // As an API server does: a moment after this address went away it sends no more.
  let informed = false
  const workers = Array.from({ length: 20 }, async () => {
    while (!informed) answers.push(await send(at))
  })
  while (answers.length < 50) await sleep(10)
  const reviewed = answers.length
  setTimeout(() => (informed = true), 800)
  await Promise.all([at.server.stop(), ...workers])
  assert.ok(answers.length > reviewed + 20)
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(answers.at(-1)!.headers['connection'], 'close')
  await assert.rejects(send(at), { code: 'ECONNREFUSED' })
})

test('stop ends in time, though a client holds a connection', async () => {
  const at = await start({ limits: { drain: 100, deadline: 200 } })
  const socket = await handshake({ port: at.port, ca: authority.certificate })
  socket.on('error', () => {})
  const began = performance.now()
  await at.server.stop()
  assert.ok(performance.now() - began < 1000)
  await at.server.stop()
})

test('with a client authority only its named clients are served', async () => {
  const clients = await createClientAuthority()
  const client = await clients.issue({ commonName: 'kube-apiserver' })
  const refusals: string[] = []
  const options = { onTlsError: (error: Error) => refusals.push(error.message) }
  const named = await start({
    ...options,
    clientAuthority: { ca: clients.certificate, names: ['kube-apiserver'] },
  })
  const other = await start({
    ...options,
    clientAuthority: { ca: clients.certificate, names: ['front-proxy'] },
  })
  const agent = new Agent({ ca: authority.certificate, cert: client.certificate, key: client.key })
  assert.equal(decision(await send({ port: named.port, agent })), false)
  await assert.rejects(send({ port: other.port, agent }))
  await assert.rejects(send(named))
  const stranger = await (await createClientAuthority()).issue({ commonName: 'kube-apiserver' })
  const strange = new Agent({ ca: authority.certificate, cert: stranger.certificate, key: stranger.key })
  await assert.rejects(send({ port: named.port, agent: strange }))
  await sleep(50)
  assert.ok(
    refusals.some((message) => message.includes('"kube-apiserver"')),
    refusals.join('\n'),
  )
  named.server.setCertificates(certificate)
  await assert.rejects(send(named), 'clients are still asked for theirs after a renewal')
})

async function handshake({ port, ca }: { port: number; ca: string }): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' })
  await once(socket, 'secureConnect')
  return socket
}
