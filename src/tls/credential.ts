/** A certificate and its private key, both PEM. */
export interface Credential {
  certificate: string
  key: string
}
