import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from './logger.ts'

function capture(options: { pretty?: boolean } = {}) {
  const lines: string[] = []
  const logger = createLogger({
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
    ...options,
  })
  return { logger, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> }
}

test('write a JSON line with time, level and fields', () => {
  const { logger, last } = capture()
  logger.warn({ source: 'shop', count: 3 }, 'read Git')
  const { time, ...rest } = last()
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual(rest, { level: 'warn', source: 'shop', count: 3, msg: 'read Git' })
})

test('escape what could rewrite a terminal or turn text around', () => {
  for (const pretty of [false, true]) {
    const { logger, lines } = capture({ pretty })
    logger.info({ user: 'a\u001b[2Jb\u202ec', 'k\u001b': 1 }, 'user %s', 'x\u001b[31m')
    logger.child({ name: 'n\u001b' }).info('child\u001b')
    for (const line of lines) assert.doesNotMatch(line.replaceAll('\n', ''), /[\u001b\u202e]/)
    assert.match(lines.join(''), /\\u001b/)
  }
})

test('write no value under the name of a secret, however deep', () => {
  const { logger, lines } = capture()
  logger.info(
    {
      headers: { Authorization: 'Bearer hunter2' },
      auth: [{ token: 'hunter2' }],
      stringData: { a: 'hunter2' },
    },
    'x',
  )
  logger.child({ password: 'hunter2' }).info('y')
  assert.equal(lines.length, 2)
  assert.doesNotMatch(lines.join(''), /hunter2/)
})

test('reduce an error to type, message, code, frames and cause, without bodies', () => {
  const { logger, last, lines } = capture()
  const cause = Object.assign(new TypeError('connect failed'), {
    code: 'ECONNREFUSED',
    response: { body: 'hunter2' },
  })
  const error = Object.assign(
    new Error('HTTP-Code: 409\nMessage: Conflict\nBody: {"data":"hunter2"}\nHeaders: {}', { cause }),
    {
      code: 409,
      body: 'hunter2',
    },
  )
  logger.error(error, 'cannot repair')
  const { err, msg } = last() as {
    err: { message: string; status: number; stack: string; cause: object }
    msg: string
  }
  assert.equal(msg, 'cannot repair')
  assert.equal(err.message, 'HTTP-Code: 409\\nMessage: Conflict')
  assert.equal(err.status, 409)
  assert.match(err.stack, /^at .*logger\.test\.ts/)
  assert.partialDeepStrictEqual(err.cause, {
    type: 'TypeError',
    message: 'connect failed',
    code: 'ECONNREFUSED',
  })
  logger.error({ err: error }, 'again')
  logger.error({ reason: error }, 'and again')
  assert.doesNotMatch(lines.join(''), /hunter2/)
})

test('stay within bounds with what is huge, deep or circular', () => {
  const { logger, lines } = capture()
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  logger.info(
    { circle, big: 'x'.repeat(100_000), many: Array(10_000).fill(1), n: 10n, bytes: Buffer.alloc(99) },
    'x',
  )
  assert.ok(lines[0]!.length < 10_000)
})
