import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Condition } from './condition.ts'
import { HttpServer } from './http.ts'
import { Metrics } from './metrics.ts'

describe('the plain HTTP server', () => {
  let conditions: Condition[] = []
  const pushes: { event: unknown; body: string }[] = []
  const errors: Error[] = []
  const server = new HttpServer({
    conditions: () => conditions,
    metrics: new Metrics(),
    git: (headers, body) => {
      if (body.toString() === 'throw') throw new Error('inner detail')
      pushes.push({ event: headers['x-github-event'], body: body.toString() })
      return { status: 202, message: 'asked Git' }
    },
    onError: (error) => errors.push(error),
  })
  let url = ''
  before(async () => {
    server.app.get('/extra', (_request, response) => void response.send('extra'))
    url = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`
  })
  after(() => server.close())

  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, init)
    return {
      status: response.status,
      text: await response.text(),
      type: response.headers.get('content-type'),
    }
  }

  test('is alive even when nothing is loaded', async () => {
    conditions = [{ name: 'git/shop', ok: false, required: true, reason: 'not read yet' }]
    assert.deepEqual(await get('/healthz'), { status: 200, text: 'ok\n', type: 'text/plain; charset=utf-8' })
  })

  test('is not ready before the first load, and says why', async () => {
    conditions = [
      { name: 'watch/apps/Deployment', ok: true },
      { name: 'git/shop', ok: false, required: true, reason: 'not read yet' },
    ]
    const { status, text } = await get('/readyz')
    assert.equal(status, 503)
    assert.equal(text, '[-] git/shop: not read yet\n[+] watch/apps/Deployment\nnot ready\n')
  })

  test('stays ready with the last good state, and says what is wrong', async () => {
    conditions = [{ name: 'git/shop', ok: false, reason: 'unreachable since 10:31' }]
    assert.equal((await get('/readyz')).status, 200)
    assert.match((await get('/readyz')).text, /unreachable since 10:31\nready, degraded\n$/)
    const { text } = await get('/readyz', { headers: { accept: 'application/json' } })
    assert.deepEqual(JSON.parse(text), { ready: true, degraded: true, conditions })
  })

  test('serves metrics in the format that Prometheus reads', async () => {
    const { text, type } = await get('/metrics')
    assert.match(type ?? '', /^text\/plain; version=0\.0\.4/)
    assert.match(text, /^# HELP gitops_guard_reviews_total /m)
    assert.match(text, /^process_resident_memory_bytes \d+/m)
  })

  test('hands a push on as its raw bytes', async () => {
    const init = {
      method: 'POST',
      body: '{ "ref":1 }',
      headers: { 'x-github-event': 'push', 'content-type': 'application/json' },
    }
    assert.deepEqual((await get('/git', init)).text, 'asked Git\n')
    assert.deepEqual(pushes, [{ event: 'push', body: '{ "ref":1 }' }])
  })

  test('tells a client nothing of an error, and its owner all', async () => {
    const answer = await get('/git', { method: 'POST', body: 'throw' })
    assert.deepEqual([answer.status, answer.text], [500, 'failed\n'])
    assert.match(errors[0]!.message, /inner detail/)
  })

  test('refuses a body beyond what a Git server sends', async () => {
    const answer = await get('/git', { method: 'POST', body: Buffer.alloc(26 * 1024 * 1024) }).catch(() => ({
      status: 413,
    }))
    assert.equal(answer.status, 413)
    assert.equal((await get('/healthz')).status, 200)
  })

  test('answers 404 elsewhere, and the routes that were added', async () => {
    assert.equal((await get('/nothing')).status, 404)
    assert.equal((await get('/git')).status, 404)
    assert.equal((await get('/extra')).text, 'extra')
  })
})

test('answer 404 to a push where none is configured', async () => {
  const server = new HttpServer({ conditions: () => [], metrics: new Metrics() })
  const port = await server.listen(0, '127.0.0.1')
  assert.equal((await fetch(`http://127.0.0.1:${port}/git`, { method: 'POST', body: 'x' })).status, 404)
  await server.close()
})
