import assert from 'node:assert/strict'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { Access, type AccessOptions } from './access.ts'

type Asked = Pick<IncomingMessage, 'headers' | 'socket'>

function from(remoteAddress: string, headers: IncomingHttpHeaders = {}): Asked {
  return { headers: { host: 'gitops-guard:8080', ...headers }, socket: { remoteAddress } } as unknown as Asked
}

const asked: string[] = []
function access(changed: Partial<AccessOptions> = {}): Access {
  return new Access({
    loopback: true,
    isViewToken: (token) => token === 'view',
    review: (token) => {
      asked.push(token)
      if (token === 'broken') return Promise.reject(new Error('no API server'))
      return Promise.resolve(
        token.startsWith('someone') ? { name: token, allowed: token.endsWith('+') } : undefined,
      )
    },
    ...changed,
  })
}

const local = { host: 'localhost:8080' }

test('let a process on this machine in, asked for by its name', async () => {
  for (const [address, host] of [
    ['127.0.0.1', 'localhost:8080'],
    ['::ffff:127.0.0.1', '127.0.0.1:8080'],
    ['::1', '[::1]:8080'],
  ] as const) {
    assert.deepEqual(await access().of(from(address, { host })), { name: 'this machine', how: 'loopback' })
  }
})

test('want a token from elsewhere, of a page that only claims to be this machine, and of what a sidecar passes on', async () => {
  for (const request of [
    from('10.0.0.7', local),
    from('127.0.0.6', local),
    from('127.0.0.1', { host: 'evil.example' }),
    from('127.0.0.1', { host: 'localhost.evil.example:8080' }),
    from('127.0.0.1', { ...local, 'x-forwarded-for': '10.0.0.7' }),
  ]) {
    assert.deepEqual(await access().of(request), { status: 401, message: 'a token is needed' })
  }
  assert.equal('status' in (await access({ loopback: false }).of(from('127.0.0.1', local))), true)
})

test('take the view token in either header', async () => {
  const viewer = { name: 'the view token', how: 'token' }
  assert.deepEqual(await access().of(from('10.0.0.7', { authorization: 'Bearer view' })), viewer)
  assert.deepEqual(await access().of(from('10.0.0.7', { 'x-gitops-guard-token': 'view' })), viewer)
})

test('ask the cluster about other tokens, once in a while', async () => {
  const one = access()
  asked.length = 0
  const request = from('10.0.0.7', { authorization: 'Bearer someone+' })
  assert.deepEqual(await one.of(request), { name: 'someone+', how: 'token' })
  assert.deepEqual(await one.of(request), { name: 'someone+', how: 'token' })
  assert.deepEqual(asked, ['someone+'])
})

test('refuse a token of nobody, and of somebody who may not, on this machine too', async () => {
  const status = async (token: string) => {
    const answer = await access().of(from('127.0.0.1', { ...local, authorization: `Bearer ${token}` }))
    return 'status' in answer ? answer.status : answer
  }
  assert.equal(await status('nobody'), 401)
  assert.equal(await status('someone-'), 403)
  assert.equal(await status('broken'), 503)
  assert.equal(await status('x'.repeat(20_000)), 401)
})

test('ask about few tokens at a time: whoever reaches the port may send one', async () => {
  const slow = Promise.withResolvers<undefined>()
  const one = access({ review: () => slow.promise })
  const tokens = Array.from({ length: 12 }, (_, n) => from('10.0.0.7', { authorization: `Bearer t${n}` }))
  const answers = Promise.all(tokens.map((request) => one.of(request)))
  slow.resolve(undefined)
  const statuses = (await answers).map((answer) => ('status' in answer ? answer.status : 200))
  assert.deepEqual(
    [statuses.filter((code) => code === 401).length, statuses.filter((code) => code === 429).length],
    [8, 4],
  )
})

test('believe the header of a trusted proxy, and of no one else', async () => {
  const trustedProxy = { header: 'X-Forwarded-User', from: ['10.1.0.0/16', 'fd00::/64'] }
  const one = access({ trustedProxy })
  const named = { 'x-forwarded-user': 'alice@example.com' }
  const alice = { name: 'alice@example.com', how: 'proxy' }
  assert.deepEqual(await one.of(from('10.1.2.3', named)), alice)
  assert.deepEqual(await one.of(from('::ffff:10.1.2.3', named)), alice)
  assert.deepEqual(await one.of(from('fd00::7', named)), alice)
  for (const request of [
    from('10.2.0.1', named),
    from('10.1.2.3'),
    from('10.1.2.3', { 'x-forwarded-user': '' }),
  ])
    assert.deepEqual(await one.of(request), { status: 401, message: 'a token is needed' })
  assert.deepEqual(await access().of(from('10.1.2.3', named)), { status: 401, message: 'a token is needed' })
})

test('refuse a range of addresses that is none', () => {
  assert.throws(() => access({ trustedProxy: { header: 'x', from: ['10.0.0.0/99'] } }), /10\.0\.0\.0\/99/)
})
