import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { createAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { readMail, type Mail } from './read-mail.ts'

export interface ReceivedMail extends Mail {
  from: string
  to: string[]
  user: string | undefined
  encrypted: boolean
}

/** What the server answers instead of taking it: a reply code, at RCPT TO or after the data. */
export interface Refusals {
  recipient?: (address: string) => number | undefined
  data?: () => number | undefined
}

/** A real SMTP server on loopback, with TLS by a certificate of its own and one user: guard, with the password secret. */
export async function mailServer(options: SMTPServerOptions = {}) {
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 }
  const authority = await createAuthority({ validity })
  const names = { dnsNames: ['localhost'], ips: ['127.0.0.1'] }
  const { certificate, key } = await issueServing(authority, { names, validity })
  const received: ReceivedMail[] = []
  const refusals: Refusals = {}
  const server = new SMTPServer({
    key,
    cert: certificate,
    authMethods: ['PLAIN', 'LOGIN'],
    onAuth: ({ username, password }, _session, done) => {
      if (username === 'guard' && password === 'secret') return done(null, { user: username })
      done(reply(535, 'authentication failed'))
    },
    onRcptTo: ({ address }, _session, done) => {
      const code = refusals.recipient?.(address)
      done(code === undefined ? null : reply(code, `no mailbox ${address}`))
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const code = refusals.data?.()
        if (code !== undefined) return done(reply(code, 'not taken'))
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          ...readMail(Buffer.concat(chunks).toString('latin1')),
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: session.user as string | undefined,
          encrypted: Boolean(session.secure),
        })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => undefined)
  const listener = server.listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  return {
    received,
    refusals,
    ca: authority.certificate,
    port: (listener.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

function reply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}
