import { X509Certificate } from 'node:crypto'
import type { Credential } from './credential.ts'
import { createKey } from './key.ts'
import { signCertificate, type Validity } from './sign.ts'

/** Names by which the API server calls the guard: a Service's DNS names, or the host of a URL. */
export interface ServingNames {
  dnsNames: readonly string[]
  /** IP addresses, as in a URL but without brackets. */
  ips: readonly string[]
}

/** Issues a serving certificate. It ends no later than its authority: past that nobody would accept it. */
export async function issueServing(
  authority: Credential,
  options: { names: ServingNames; validity: Validity },
): Promise<Credential> {
  const { names, validity } = options
  const { publicKey, privateKey } = await createKey(2048)
  const altNames = [
    ...names.dnsNames.map((value) => ({ type: 2, value })),
    ...names.ips.map((ip) => ({ type: 7, ip })),
  ]
  const last = new X509Certificate(authority.certificate).validToDate.getTime()
  const certificate = signCertificate({
    commonName: 'gitops-guard',
    publicKey,
    validity: { notBefore: validity.notBefore, notAfter: Math.min(validity.notAfter, last) },
    issuer: authority.certificate,
    issuerKey: authority.key,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  return { certificate, key: privateKey }
}
