/** Who asks. */
export interface Actor {
  username: string
  groups: readonly string[]
  extra?: { readonly [key: string]: readonly string[] }
  /**
   * True when an API server authenticated the user (an admission review, an audit event). False when it was inferred
   * from managedFields, whose names clients choose: good for attribution, never for permission.
   */
  authenticated: boolean
  /** The user behind `username` where an audit event shows an impersonation. */
  impersonatedBy?: string
}
