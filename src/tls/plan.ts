import { X509Certificate } from 'node:crypto'
import type { ServingNames } from './issue.ts'
import type { Validity } from './sign.ts'
import type { CertificateState } from './state.ts'

/** How long certificates live, in milliseconds. */
export interface Lifetimes {
  authority: number
  serving: number
}

/** One year for the authority, 90 days for what it signs: renewed after two thirds of that. */
export const DEFAULT_LIFETIMES: Lifetimes = { authority: 365 * 86_400_000, serving: 90 * 86_400_000 }

/** What to do next with the certificates, and at the latest when to look again (milliseconds since the epoch). */
export type Plan =
  | { step: 'wait'; until: number }
  /** Nobody accepts what this authority signs any more: start anew at once. */
  | { step: 'replace-authority' }
  /** Make the next authority, so that it can be published. */
  | { step: 'prepare-authority' }
  | { step: 'renew-serving' }

/**
 * Decides what the certificates need at a time. A certificate that begins in the future says that a clock was wrong,
 * then or now: it is renewed like one that ends soon, with a validity that suits both clocks ({@link validity}).
 */
export function plan(state: CertificateState, facts: { now: number; names: ServingNames }): Plan {
  const { now, names } = facts
  const authority = window(state.authority.certificate)
  const serving = window(state.serving.certificate)
  if (now > authority.notAfter) return { step: 'replace-authority' }
  if (state.next === undefined && due(authority, now)) return { step: 'prepare-authority' }
  // Renewing would not lengthen it when it ends with its authority.
  const ended = due(serving, now) && serving.notAfter < authority.notAfter
  if (ended || !covers(state.serving.certificate, names)) return { step: 'renew-serving' }
  const ends = [renewAt(serving), ...(state.next === undefined ? [renewAt(authority)] : [authority.notAfter])]
  return { step: 'wait', until: Math.min(...ends.filter((time) => time > now)) }
}

/**
 * The validity of a certificate made now to take over from `predecessor`. It begins a little earlier, for other clocks,
 * and ends no sooner than its predecessor: that is later only when this clock was set back, and may be right again soon.
 */
export function validity(lifetime: number, facts: { now: number; predecessor?: string }): Validity {
  const { now, predecessor } = facts
  const before = predecessor === undefined ? 0 : Math.min(window(predecessor).notAfter, now + MAX_VALIDITY_MS)
  return { notBefore: now - Math.min(BACKDATE_MS, lifetime / 10), notAfter: Math.max(now + lifetime, before) }
}

/** A clock that once was decades ahead must not make certificates for decades. */
const MAX_VALIDITY_MS = 2 * 365 * 86_400_000
const BACKDATE_MS = 5 * 60_000

function due({ notBefore, notAfter }: Validity, now: number): boolean {
  return now < notBefore || now >= renewAt({ notBefore, notAfter })
}

function renewAt({ notBefore, notAfter }: Validity): number {
  return notBefore + ((notAfter - notBefore) * 2) / 3
}

function window(pem: string): Validity {
  const certificate = new X509Certificate(pem)
  return { notBefore: certificate.validFromDate.getTime(), notAfter: certificate.validToDate.getTime() }
}

function covers(pem: string, names: ServingNames): boolean {
  const certificate = new X509Certificate(pem)
  return (
    names.dnsNames.every((name) => certificate.checkHost(name) !== undefined) &&
    names.ips.every((ip) => certificate.checkIP(ip) !== undefined)
  )
}
