/** What the configuration says of one source, as far as reading it from Git needs it. */
import type { GitRef } from './git-ref.ts'
import type { Secret } from '../model/secret.ts'

export type RendererName = 'auto' | 'plain' | 'kustomize' | 'helm'

export interface SourceSpec {
  name: string
  ref: GitRef
  /** Folder or file from the repository's root; '' or '.' for all. */
  path: string
  renderer: RendererName
  /** For manifests that name none. */
  namespace?: string | undefined
  helm?: HelmSpec | undefined
  /** GPG or SSH public keys: a commit that none of them signed is refused. */
  verify?: { keys: readonly Secret[] } | undefined
}

/** How a chart is rendered. */
export interface HelmSpec {
  /** Default: the source's name. */
  release?: string | undefined
  /** Values files, relative to the source's path, in Helm's order: the last one wins. */
  values: readonly string[]
  /** The cluster's, such as v1.36.3. Default: what Helm itself was made for. */
  kubeVersion?: string | undefined
  /** What the cluster serves besides, such as `monitoring.coreos.com/v1`. */
  apiVersions?: readonly string[] | undefined
}
