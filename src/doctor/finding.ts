/** `info`: worth knowing, nothing to do. */
export type Severity = 'critical' | 'warning' | 'info'

/** One thing that is wrong, or that guarded state could be changed around. Plain text; names come from the cluster. */
export interface Finding {
  /** Stable name of what was looked at, such as `rbac` or `webhook-namespaces`. */
  check: string
  severity: Severity
  /** Whom or what it is about: `User mallory`, `MutatingWebhookConfiguration x`. */
  subject: string
  /** What there is. */
  what: string
  /** Why it matters. */
  why: string
  /** What to do about it. */
  remedy: string
}
