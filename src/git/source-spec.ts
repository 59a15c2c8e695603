/** What the configuration says of one source, as far as reading it from Git needs it. */
import type { GitRef } from './git-ref.ts'
import type { Secret } from './secret.ts'

export type RendererName = 'auto' | 'plain' | 'kustomize' | 'helm'

export interface SourceSpec {
  name: string
  ref: GitRef
  /** Folder or file from the repository's root; '' or '.' for all. */
  path: string
  renderer: RendererName
  /** For manifests that name none. */
  namespace?: string | undefined
  /** GPG or SSH public keys: a commit that none of them signed is refused. */
  verify?: { keys: readonly Secret[] } | undefined
}
