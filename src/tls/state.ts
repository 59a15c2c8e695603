import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Credential } from './credential.ts'

/** What is kept between restarts and shared by replicas. */
export interface CertificateState {
  /** Signs serving certificates now. */
  authority: Credential
  /** Takes over as soon as the API server trusts it. */
  next?: Credential
  /** Certificates of authorities that signed before: trusted until they end, so that a slow replica still serves. */
  retired: readonly string[]
  serving: Credential
}

/** What the API server is to trust: every authority that a replica may serve under, the newest first. */
export function caBundle({ next, authority, retired }: CertificateState): string {
  return [...(next === undefined ? [] : [next.certificate]), authority.certificate, ...retired]
    .map((pem) => `${pem.trim()}\n`)
    .join('')
}

/** As it is stored: JSON. */
export function serializeState(state: CertificateState): string {
  return `${JSON.stringify({ version: 1, ...state })}\n`
}

/** Undefined when it cannot be used: not ours, cut short, a key that does not belong to its certificate. */
export function parseState(text: string): CertificateState | undefined {
  try {
    const { version, authority, next, retired, serving } = JSON.parse(text) as CertificateState & {
      version: unknown
    }
    if (version !== 1 || !fits(authority, true) || !fits(serving, false)) return undefined
    if (
      !new X509Certificate(serving.certificate).verify(new X509Certificate(authority.certificate).publicKey)
    ) {
      return undefined
    }
    return {
      authority,
      ...(fits(next, true) ? { next } : {}),
      retired: Array.isArray(retired) ? retired.filter(isCertificate) : [],
      serving,
    }
  } catch {
    return undefined
  }
}

function fits(credential: Credential | undefined, ca: boolean): credential is Credential {
  if (credential === undefined) return false
  const certificate = new X509Certificate(credential.certificate)
  return certificate.ca === ca && certificate.checkPrivateKey(createPrivateKey(credential.key))
}

function isCertificate(pem: unknown): pem is string {
  try {
    return new X509Certificate(String(pem)).ca
  } catch {
    return false
  }
}
