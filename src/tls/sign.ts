import { randomBytes } from 'node:crypto'
import forge from 'node-forge'

/** When a certificate is good: both ends inclusive, milliseconds since the epoch. */
export interface Validity {
  notBefore: number
  notAfter: number
}

/** What is put into a certificate, and who signs it. */
export interface SigningRequest {
  commonName: string
  publicKey: string
  validity: Validity
  /** node-forge's extensions, without the key identifiers, which are added here. */
  extensions: object[]
  /** Absent: it signs itself, with `issuerKey`. */
  issuer?: string
  issuerKey: string
}

/**
 * Builds an X.509 v3 certificate and signs it with RSA and SHA-256; returns PEM. It carries the identifier of its own
 * key and of its issuer's, so that a verifier with an old and a new authority of one name picks the right one. Takes about 0.1 s of this thread (node-forge signs in JavaScript).
 */
export function signCertificate(request: SigningRequest): string {
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(request.publicKey)
  certificate.serialNumber = serialNumber()
  certificate.validity.notBefore = new Date(request.validity.notBefore)
  certificate.validity.notAfter = new Date(request.validity.notAfter)
  const subject = [{ name: 'commonName', value: request.commonName }]
  const issuer = request.issuer === undefined ? undefined : forge.pki.certificateFromPem(request.issuer)
  certificate.setSubject(subject)
  certificate.setIssuer(issuer?.subject.attributes ?? subject)
  certificate.setExtensions([
    ...request.extensions,
    { name: 'subjectKeyIdentifier' },
    {
      name: 'authorityKeyIdentifier',
      keyIdentifier: (issuer ?? certificate).generateSubjectKeyIdentifier().getBytes(),
    },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(request.issuerKey), forge.md.sha256.create())
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n')
}

/**
 * 128 random bits: positive, as RFC 5280 §4.1.2.2 wants it, and with no leading zeros, which some parsers refuse.
 */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}
