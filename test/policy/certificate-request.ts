import { generateKeyPairSync } from 'node:crypto'
import forge from 'node-forge'

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 1024,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

/** A certificate request as clients send it: base64 of PEM. */
export function certificateRequest(subject: { name: string; value: string }[]): string {
  const csr = forge.pki.createCertificationRequest()
  csr.publicKey = forge.pki.publicKeyFromPem(publicKey)
  csr.setSubject(subject)
  csr.sign(forge.pki.privateKeyFromPem(privateKey))
  return Buffer.from(forge.pki.certificationRequestToPem(csr)).toString('base64')
}
