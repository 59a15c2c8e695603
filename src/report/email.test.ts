import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { mailServer } from '../../test/support/mail-server.ts'
import { readMail } from '../../test/support/read-mail.ts'
import type { EmailTarget as EmailOptions } from '../model/email.ts'
import { Email, mailOf } from './email.ts'
import { makeMessage } from './message.ts'
import { Outbox } from './outbox.ts'
import { SendError } from './send-error.ts'
import { anyViolation } from './testing/any-violation.ts'
import { TIMES, until } from './testing/receivers.ts'
import { manyViolations, someViolation } from './testing/violations.ts'

const secret = (value: string) => ({ read: () => Promise.resolve(value) })
const repositoryOf = () => 'https://github.com/shop/shop'
const signal = () => AbortSignal.timeout(20_000)

describe('e-mail', () => {
  let server: Awaited<ReturnType<typeof mailServer>>
  before(async () => (server = await mailServer()))
  after(() => server.close())

  const email = (over: Partial<EmailOptions> = {}) =>
    new Email({
      server: `smtp://127.0.0.1:${server.port}`,
      user: 'guard',
      password: secret('secret'),
      from: 'Guard, of the shop <guard@shop.example>',
      to: ['ops@shop.example', 'Dana <dana@shop.example>'],
      ca: secret(server.ca),
      ...over,
    })
  const refusal = async (sending: Promise<void>) => {
    const error: unknown = await sending.then(
      () => undefined,
      (it: unknown) => it,
    )
    assert.ok(error instanceof SendError, String(error))
    return error
  }

  test('goes encrypted, with the password, as text and as HTML', async () => {
    await email().send(makeMessage([someViolation()], { repositoryOf }), signal())
    const mail = server.received.at(-1)!
    assert.equal(mail.encrypted, true)
    assert.equal(mail.user, 'guard')
    assert.equal(mail.from, 'guard@shop.example')
    assert.deepEqual(mail.to, ['ops@shop.example', 'dana@shop.example'])
    assert.deepEqual(mail.headers.get('from'), ['"Guard, of the shop" <guard@shop.example>'])
    assert.deepEqual(mail.headers.get('subject'), ['GitOps Guard: Deployment shop/web'])
    assert.deepEqual(mail.headers.get('auto-submitted'), ['auto-generated'])
    for (const part of ['alice tried to change', 'spec.replicas: 2 → 9', 'id a1b2c3d4e5f6'])
      for (const body of [mail.text, mail.html]) assert.ok(body.includes(part), `${part}\n${body}`)
    assert.match(mail.html, /<a href="https:\/\/github\.com\/shop\/shop\/blob\/0123[^"]*web\.yaml#L12">/)
  })

  test('is one thread for each object, and the same mail when it is sent again', async () => {
    const send = async (over: Parameters<typeof someViolation>[0]) => {
      await email().send(makeMessage([someViolation(over)]), signal())
      const { headers } = server.received.at(-1)!
      return [headers.get('message-id')![0]!, headers.get('references')![0]!, headers.get('subject')![0]!]
    }
    const refused = await send({ id: 'a' })
    const drifted = await send({ id: 'b', event: 'drift' })
    const again = await send({ id: 'b', event: 'drift' })
    const other = await send({ id: 'c', object: { ...someViolation().object, name: 'api' } })
    assert.deepEqual(refused.slice(1), drifted.slice(1))
    assert.notEqual(refused[0], drifted[0])
    assert.deepEqual(drifted, again)
    assert.notEqual(refused[1], other[1])
    for (const id of [...refused.slice(0, 2), ...other.slice(0, 2)])
      assert.match(id, /^<[\da-f]{32}\.gitops-guard@shop\.example>$/)
  })

  test('is not sent where the server offers no encryption, unless the URL says so', async (context) => {
    const clear = await mailServer({ disabledCommands: ['STARTTLS'], authOptional: true })
    context.after(() => clear.close())
    const to = (query: string) =>
      new Email({
        server: `smtp://127.0.0.1:${clear.port}${query}`,
        from: 'guard@shop.example',
        to: ['ops@shop.example'],
      })
    const error = await refusal(to('').send(makeMessage([someViolation()]), signal()))
    assert.equal(error.permanent, false)
    assert.match(error.message, /127\.0\.0\.1 offers no encryption/)
    assert.equal(clear.received.length, 0)
    await to('?starttls=never').send(makeMessage([someViolation()]), signal())
    assert.equal(clear.received[0]!.encrypted, false)
  })

  test('is not sent to a server whose certificate is another authority’s', async () => {
    const sent = server.received.length
    const error = await refusal(
      email({ ca: secret((await mailServerAuthority()).ca) }).send(makeMessage([someViolation()]), signal()),
    )
    assert.match(error.message, /certificate|self-signed|issuer/i)
    assert.equal(error.permanent, false)
    assert.equal(server.received.length, sent)
  })

  test('speaks TLS from the start to smtps', async (context) => {
    const tls = await mailServer({ secure: true })
    context.after(() => tls.close())
    await email({ server: `smtps://localhost:${tls.port}`, ca: secret(tls.ca) }).send(
      makeMessage([someViolation()]),
      signal(),
    )
    assert.equal(tls.received.length, 1)
  })

  test('waits for whoever runs it where the password is wrong, and shows none', async () => {
    const error = await refusal(
      email({ password: secret('hunter2') }).send(makeMessage([someViolation()]), signal()),
    )
    assert.equal(error.permanent, false)
    assert.match(error.message, /127\.0\.0\.1 answers 535/)
    assert.doesNotMatch(error.message, /hunter2/)
  })

  test('is given up on 5xx, and tried again on 4xx', async () => {
    const message = makeMessage([someViolation()])
    for (const [code, permanent] of [
      [550, true],
      [451, false],
    ] as const) {
      server.refusals.data = () => code
      const atData = await refusal(email().send(message, signal()))
      delete server.refusals.data
      server.refusals.recipient = () => code
      const atRecipient = await refusal(email().send(message, signal()))
      delete server.refusals.recipient
      assert.deepEqual([atData.permanent, atRecipient.permanent], [permanent, permanent], String(code))
      assert.equal(atData.answered, true)
    }
  })

  test('reaches those that it can once, and the others when they can be', async () => {
    const one = email()
    const message = makeMessage([someViolation({ id: 'partly' })])
    const got = () => server.received.filter(({ text }) => text.includes('partly')).flatMap(({ to }) => to)
    server.refusals.recipient = (address) => (address.startsWith('dana') ? 450 : undefined)
    const error = await refusal(one.send(message, signal()))
    assert.equal(error.permanent, false)
    assert.deepEqual(got(), ['ops@shop.example'])
    delete server.refusals.recipient
    await one.send(message, signal())
    assert.deepEqual(got(), ['ops@shop.example', 'dana@shop.example'])
  })

  test('ends in the dead-letter list where it bounces, and arrives when it is sent again', async () => {
    server.refusals.recipient = () => 550
    const outbox = new Outbox({ targets: [{ name: 'mail', provider: email() }], times: TIMES })
    outbox.start()
    outbox.append(someViolation({ id: 'bounced' }))
    await until(() => outbox.deadLetters().length === 1)
    const [letter] = outbox.deadLetters()
    assert.match(letter!.error, /127\.0\.0\.1 answers 550/)
    delete server.refusals.recipient
    outbox.resend(letter!.id)
    await until(() => server.received.some(({ text }) => text.includes('bounced')))
    await outbox.stop()
  })

  test('tells of a thousand objects in one digest', async () => {
    await email().send(makeMessage(manyViolations(1000)), signal())
    const mail = server.received.at(-1)!
    assert.deepEqual(mail.headers.get('subject'), ['GitOps Guard: 1000 violations of 1000 objects'])
    assert.equal(mail.headers.get('references'), undefined)
  })

  test('has no header and no markup that a violation chose', async () => {
    const { createTransport } = await import('nodemailer')
    const compose = createTransport({ streamTransport: true, buffer: true, newline: 'windows' })
    const hostile = someViolation({
      object: {
        apiVersion: 'v1',
        kind: 'A\r\nBcc: eve@evil.example\r\n\r\n<script>',
        namespace: '\u2028x',
        name: '=?utf-8?q?a=0D=0ABcc:_x?=',
      },
    })
    const check = async (violations: Parameters<typeof makeMessage>[0]) => {
      const mail = mailOf(makeMessage(violations, { repositoryOf }), {
        from: 'guard@shop.example',
        to: ['ops@shop.example'],
      })
      const sent = await compose.sendMail(mail)
      assert.deepEqual(sent.envelope.to, ['ops@shop.example'])
      const { headers, text, html } = readMail((sent.message as Buffer).toString('latin1'))
      const known =
        /^(from|to|subject|message-id|in-reply-to|references|date|mime-version|content-type|auto-submitted|x-auto-response-suppress)$/
      for (const [name, values] of headers) {
        assert.match(name, known)
        assert.equal(values.length, 1, name)
        assert.doesNotMatch(values[0]!, /[\r\n]/)
      }
      assert.ok(text.length > 0)
      for (const [tag] of html.matchAll(/<[^>]*>/g))
        assert.match(
          tag,
          /^<(\/?(html|body|div|p|b|table|tr|td|pre|br|a)( (style|href)="[^"<>]*")?|!doctype html)>$/,
        )
      assert.ok(Buffer.byteLength(html) < 100_000, `${html.length}`)
    }
    await check([hostile])
    await fc.assert(
      fc.asyncProperty(fc.array(anyViolation, { minLength: 1, maxLength: 10 }), (violations) =>
        check(violations),
      ),
      { numRuns: 50 },
    )
  })
})

/** Certificates of an authority that signed nothing here. */
async function mailServerAuthority() {
  const other = await mailServer()
  await other.close()
  return other
}
