import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import express from 'express'
import type { DeadLetter } from '../report/dead-letters.ts'
import { someViolation } from '../report/testing/violations.ts'
import { addDeadLetterRoutes } from './dead-letter-routes.ts'

test('list and send again for whom it is for, and never for a page of another site', async (context) => {
  const letters: DeadLetter[] = [
    { id: 'x1', provider: 'slack', at: '2026-11-24T10:00:00Z', error: 'no', violations: [someViolation()] },
  ]
  const app = express()
  let allowed = true
  addDeadLetterRoutes(app, {
    admitted: (_request, response, next) => (allowed ? next() : void response.status(401).end()),
    letters: () => letters,
    resend: (id) => id === 'x1' && letters.pop() !== undefined,
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  context.after(() => server.close())
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dead-letters`
  const send = (id: string, headers = {}) => fetch(`${base}/${id}/send`, { method: 'POST', headers })
  const own = { 'x-gitops-guard-send': 'yes' }
  const listed = (await (await fetch(base)).json()) as { deadLetters: object[] }
  assert.deepEqual(listed.deadLetters, [{ ...letters[0], violations: ['a1b2c3d4e5f6'] }])
  assert.equal((await send('x1')).status, 403)
  assert.equal((await send('x2', own)).status, 404)
  allowed = false
  assert.equal((await fetch(base)).status, 401)
  assert.equal((await send('x1', own)).status, 401)
  allowed = true
  assert.equal((await send('x1', own)).status, 202)
  assert.equal(letters.length, 0)
})
