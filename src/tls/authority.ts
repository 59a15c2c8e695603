import type { Credential } from './credential.ts'
import { createKey } from './key.ts'
import { signCertificate, type Validity } from './sign.ts'

/**
 * Makes a certificate authority that signs serving certificates and nothing else (no sub-authorities). Its name tells
 * people in which year it was made; verifiers go by its key.
 */
export async function createAuthority(options: { validity: Validity }): Promise<Credential> {
  const { publicKey, privateKey } = await createKey(3072)
  const certificate = signCertificate({
    commonName: `gitops-guard-ca-${new Date(options.validity.notBefore).toISOString().slice(0, 10)}`,
    publicKey,
    validity: options.validity,
    issuerKey: privateKey,
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return { certificate, key: privateKey }
}
