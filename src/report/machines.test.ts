import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { cloudEvents } from './cloudevents.ts'
import { httpStandIn } from './testing/http-stand-in.ts'
import { someViolation } from './testing/violations.ts'
import { webhook } from './webhook.ts'

const secret = (value: string) => ({ read: () => Promise.resolve(value) })
const signal = () => AbortSignal.timeout(5000)
const violation = someViolation({
  object: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'é "x"%\n' },
})

describe('the generic webhook', () => {
  test('posts the violation as JSON, signed', async () => {
    const server = await httpStandIn()
    await webhook({ url: secret(`${server.url}/hook`), secret: secret('key') }).send(violation, signal())
    const [request] = server.received
    assert.equal(request!.path, '/hook')
    assert.deepEqual(JSON.parse(request!.body), violation)
    const wanted = createHmac('sha256', 'key').update(request!.body).digest('hex')
    assert.equal(request!.headers['x-gitops-guard-signature'], `sha256=${wanted}`)
    assert.equal(request!.headers['content-type'], 'application/json')
    await server.close()
  })

  test('signs nothing without a secret, and writes integers beyond a double as they are', async () => {
    const server = await httpStandIn()
    const huge = someViolation({ changes: [{ path: '/spec/a', op: 'add', live: 12345678901234567890n }] })
    await webhook({ url: secret(server.url) }).send(huge, signal())
    assert.equal(server.received[0]!.headers['x-gitops-guard-signature'], undefined)
    assert.match(server.received[0]!.body, /"live":12345678901234567890[,}]/)
    await server.close()
  })
})

describe('CloudEvents', () => {
  test('are structured: all in the body', async () => {
    const server = await httpStandIn()
    await cloudEvents({ url: secret(server.url), mode: 'structured' }).send(violation, signal())
    const { headers, body } = server.received[0]!
    assert.match(headers['content-type'] ?? '', /^application\/cloudevents\+json(;|$)/)
    assert.deepEqual(JSON.parse(body), {
      specversion: '1.0',
      id: violation.id,
      source: '/gitops-guard/sources/shop',
      type: 'dev.gitops-guard.violation.v1',
      time: violation.time,
      subject: 'shop/ConfigMap/é "x"%\n',
      datacontenttype: 'application/json',
      data: violation,
    })
    await server.close()
  })

  test('are binary: attributes are headers, encoded as the binding wants it', async () => {
    const server = await httpStandIn()
    await cloudEvents({ url: secret(server.url), mode: 'binary' }).send(violation, signal())
    const { headers, body } = server.received[0]!
    assert.deepEqual(JSON.parse(body), violation)
    assert.equal(headers['content-type'], 'application/json')
    const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce-'))
    for (const [, value] of attributes) assert.match(String(value), /^[\u0021-\u007e]+$/)
    const decoded = attributes.map(([name, value]) => [name.slice(3), decodeURIComponent(String(value))])
    assert.deepEqual(Object.fromEntries(decoded), {
      specversion: '1.0',
      id: violation.id,
      source: '/gitops-guard/sources/shop',
      type: 'dev.gitops-guard.violation.v1',
      time: violation.time,
      subject: 'shop/ConfigMap/é "x"%\n',
    })
    await server.close()
  })
})
