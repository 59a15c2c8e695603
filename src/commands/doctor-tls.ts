import { X509Certificate } from 'node:crypto'
import { connect, type PeerCertificate } from 'node:tls'
import type { GuardFacts } from '../doctor/facts.ts'
import type { Json, KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'

/** The certificates that the API server is told to trust, by webhook. */
export function bundlesOf(configuration: KubeObject | undefined): GuardFacts['bundles'] {
  return webhooksOf(configuration).map((webhook) => {
    const name = String(fieldOf(webhook, 'name'))
    const bundle = fieldOf(fieldOf(webhook, 'clientConfig'), 'caBundle')
    if (typeof bundle !== 'string' || bundle === '')
      return { webhook: name, notAfter: [], problem: 'is missing' }
    try {
      const certificates = pemsOf(Buffer.from(bundle, 'base64').toString()).map(
        (pem) => new X509Certificate(pem),
      )
      if (certificates.length === 0) return { webhook: name, notAfter: [], problem: 'holds no certificate' }
      return { webhook: name, notAfter: certificates.map(({ validTo }) => Date.parse(validTo)) }
    } catch {
      return { webhook: name, notAfter: [], problem: 'cannot be read' }
    }
  })
}

/** Where the webhook is a URL: whether a guard answers there with a certificate that the bundle vouches for. */
export async function reachByUrl(
  configuration: KubeObject | undefined,
): Promise<Pick<GuardFacts, 'unreachable' | 'servingUntil'>> {
  const [webhook] = webhooksOf(configuration)
  const client = fieldOf(webhook, 'clientConfig')
  const [url, bundle] = [fieldOf(client, 'url'), fieldOf(client, 'caBundle')]
  if (typeof url !== 'string' || typeof bundle !== 'string') return {}
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const ip = /^[\d.]+$/.test(host) || host.includes(':')
  return await new Promise((resolve) => {
    const socket = connect({
      host,
      port: port === '' ? 443 : Number(port),
      ca: pemsOf(Buffer.from(bundle, 'base64').toString()),
      ...(ip ? {} : { servername: host }),
      timeout: 5000,
    })
    const end = (facts: Pick<GuardFacts, 'unreachable' | 'servingUntil'>) => {
      socket.destroy()
      resolve(facts)
    }
    socket.on('secureConnect', () => {
      const { valid_to: until } = socket.getPeerCertificate() as Partial<PeerCertificate>
      end(until === undefined ? {} : { servingUntil: Date.parse(until) })
    })
    socket.on('timeout', () => end({ unreachable: `no answer at ${url} in 5 s` }))
    socket.on('error', (error) => end({ unreachable: `${url}: ${error.message}` }))
  })
}

function webhooksOf(configuration: KubeObject | undefined): Json[] {
  const webhooks = configuration?.['webhooks']
  return Array.isArray(webhooks) ? webhooks : []
}

function pemsOf(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}
