import type { Credential } from './certificates.ts'

/** How a user proves who it is: a client certificate or a bearer token. */
export type Login = Credential | { token: string }

/** A kubeconfig with one cluster, one user and one context, as JSON (which is YAML too). */
export function kubeconfig({
  url,
  ca,
  user,
  login,
}: {
  url: string
  /** PEM. */
  ca: string
  user: string
  login: Login
}): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const credentials =
    'token' in login
      ? { token: login.token }
      : { 'client-certificate-data': base64(login.certificate), 'client-key-data': base64(login.key) }
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
      users: [{ name: user, user: credentials }],
      contexts: [{ name: user, context: { cluster: 'test', user } }],
      'current-context': user,
    },
    null,
    2,
  )
}
