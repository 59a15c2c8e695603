import type { Secret } from './secret.ts'

/** Where e-mail goes, and by which server. */
export interface EmailTarget {
  /**
   * `smtps://host:465` speaks TLS from the start; `smtp://host:587` begins in the clear and must go over to TLS (STARTTLS), unless
   * the URL ends with `?starttls=never`.
   */
  server: string
  user?: string
  password?: Secret
  /** `a@b.example` or `Name <a@b.example>`. */
  from: string
  to: readonly string[]
  /** Certificates of the authorities that the server's must be of, PEM. Default: those that Node trusts. */
  ca?: Secret
}
