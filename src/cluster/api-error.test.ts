import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readStatus, withoutSecretValues } from './api-error.ts'

const encoded = (text: string) => Buffer.from(text).toString('base64')

it('take the values of a Secret out of a message, plain, quoted and in base64', () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'a' },
    data: { one: encoded('hunter2"x') },
    stringData: { two: 'swordfish' },
  }
  const message = `invalid: ${encoded('hunter2"x')}, hunter2"x, ${JSON.stringify('hunter2"x')}, swordfish`
  assert.equal(withoutSecretValues(message, secret), 'invalid: ***, ***, "***", ***')
  assert.equal(withoutSecretValues(message, { ...secret, kind: 'ConfigMap' }), message)
  assert.equal(withoutSecretValues(message, undefined), message)
})

it('read what a Status says, and make do with less', () => {
  const status = { reason: 'Invalid', message: 'no\u001b[31m', details: { retryAfterSeconds: 3 } }
  const info = readStatus(422, status, undefined)
  assert.equal(info.reason, 'Invalid')
  assert.equal(info.retryAfterSeconds, 3)
  assert.doesNotMatch(info.serverMessage, /\u001b/)
  assert.equal(readStatus(503, undefined, '7').retryAfterSeconds, 7)
  assert.equal(readStatus(503, undefined, 'tomorrow').retryAfterSeconds, undefined)
  assert.equal(readStatus(503, undefined, undefined).serverMessage, 'HTTP status 503')
})
