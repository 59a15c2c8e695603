import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'

/** An RSA key pair: the public half as SPKI, the private one as PKCS #8, both PEM. */
export interface KeyPair {
  publicKey: string
  privateKey: string
}

/** Makes a key off the event loop's thread. RSA, since node-forge signs with nothing else. */
export function createKey(bits: 2048 | 3072): Promise<KeyPair> {
  return promisify(generateKeyPair)('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}
