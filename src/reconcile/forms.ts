import type { Canonical, Manifest } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'

/** What the API server would store for a manifest; `pending`: its namespace or its kind is not there yet. */
export type Form = { canonical: Canonical } | { pending: string; retryAfterMs?: number } | { invalid: string }

/** Asks the API server what it would store. */
export interface Forms {
  form(manifest: Manifest): Promise<Form>
  /**
   * The answer to a dry-run PUT of the manifest on the live object; undefined where the API server refuses it, so that
   * it says nothing.
   */
  confirm(manifest: Manifest, live: KubeObject): Promise<KubeObject | undefined>
  /** Whether the API server says that live cannot become what the manifest says without being created anew. */
  isFixed?(manifest: Manifest, live: KubeObject): Promise<boolean>
  /** Counts up whenever admission, a kind's schema or the server changed. */
  readonly epoch: number
}
