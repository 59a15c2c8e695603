import type { TLSSocket } from 'node:tls'

/** Who may call: holders of a certificate of this authority, by name. */
export interface ClientAuthority {
  /** PEM, one or more. */
  ca: string
  /** Common names that are served; absent: every certificate of the authority. */
  names?: readonly string[]
}

/** Why a client may not call, or undefined when it may. Its chain was verified by the handshake. */
export function clientAllowed(socket: TLSSocket, { names }: ClientAuthority): Error | undefined {
  if (!socket.authorized) return new Error(`a client without a valid certificate called from ${from(socket)}`)
  if (names === undefined) return undefined
  const name = socket.getPeerCertificate().subject?.CN
  if (typeof name === 'string' && names.includes(name)) return undefined
  return new Error(
    `a client called as ${JSON.stringify(name ?? '')} from ${from(socket)}: not one of ${names.join(', ')}`,
  )
}

function from(socket: TLSSocket): string {
  return socket.remoteAddress ?? 'an unknown address'
}
