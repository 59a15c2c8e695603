import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'

/** A certificate and its private key, PEM. */
export interface Credential {
  certificate: string
  key: string
}

/** A certificate authority of its own for one control plane. */
export interface Authority extends Credential {
  issue(subject: Subject): Promise<Credential>
}

/** Who a certificate is for: the API server takes the common name as the user, the organizations as groups. */
export interface Subject {
  commonName: string
  organizations?: string[]
  dnsNames?: string[]
  ips?: string[]
}

/** Makes an authority. Its certificates are good for tests only: ten years, no revocation, RSA 2048. */
export async function createAuthority(): Promise<Authority> {
  const pair = await createKey()
  const name = attributes({ commonName: 'gitops-guard-test-ca' })
  const extensions = [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]
  const certificate = sign({
    subject: name,
    publicKey: pair.publicKey,
    issuer: name,
    issuerKey: pair.privateKey,
    extensions,
  })
  const keyIdentifier = certificate.generateSubjectKeyIdentifier().getBytes()
  return {
    certificate: forge.pki.certificateToPem(certificate),
    key: pair.privateKey,
    async issue(subject) {
      const { publicKey, privateKey } = await createKey()
      const issued = sign({
        subject: attributes(subject),
        publicKey,
        issuer: name,
        issuerKey: pair.privateKey,
        extensions: leafExtensions(subject, keyIdentifier),
      })
      return { certificate: forge.pki.certificateToPem(issued), key: privateKey }
    },
  }
}

/** An RSA key pair, PEM (forge cannot sign with elliptic curves). */
export async function createKey(): Promise<{ publicKey: string; privateKey: string }> {
  return promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
}

interface Request {
  subject: forge.pki.CertificateField[]
  publicKey: string
  issuer: forge.pki.CertificateField[]
  issuerKey: string
  extensions: object[]
}

function sign(request: Request): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(request.publicKey)
  // A leading 01 keeps the serial number positive.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`
  certificate.validity.notBefore = new Date(Date.now() - 60_000)
  certificate.validity.notAfter = new Date(Date.now() + 10 * 365 * 24 * 3600_000)
  certificate.setSubject(request.subject)
  certificate.setIssuer(request.issuer)
  certificate.setExtensions(request.extensions)
  certificate.sign(forge.pki.privateKeyFromPem(request.issuerKey), forge.md.sha256.create())
  return certificate
}

function attributes(subject: Subject): forge.pki.CertificateField[] {
  const organizations = (subject.organizations ?? []).map((value) => ({ name: 'organizationName', value }))
  return [...organizations, { name: 'commonName', value: subject.commonName }]
}

function leafExtensions(subject: Subject, keyIdentifier: string): object[] {
  const altNames = [
    ...(subject.dnsNames ?? []).map((value) => ({ type: 2, value })),
    ...(subject.ips ?? []).map((ip) => ({ type: 7, ip })),
  ]
  return [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'authorityKeyIdentifier', keyIdentifier },
    ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
  ]
}
