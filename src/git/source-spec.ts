/** What the configuration says of one source, as far as reading it from Git needs it. */
import type { GitRef } from './git-ref.ts'
import type { KustomizationEdit } from './kustomize-edit.ts'
import type { JsonObject } from '../model/json.ts'
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
  kustomize?: KustomizeSpec | undefined
  /** Which files of the folder are manifests, as Argo CD has it. Default: all of them, those of its folders too. */
  directory?: DirectorySpec | undefined
  /** Files at its path that would change how it is rendered in a way that is not done here: with one it is not rendered. */
  refuses?: readonly string[] | undefined
  /** Files that are no part of it: those of Flux's own list and of `.sourceignore`, and these patterns, a line each. */
  ignore?: { patterns?: string | undefined } | undefined
  /** Said of it whatever it holds: what is not done as its agent does it. */
  notes?: readonly string[] | undefined
  /** GPG or SSH public keys: a commit that none of them signed is refused. */
  verify?: { keys: readonly Secret[] } | undefined
}

/** Globs are of paths from the folder, with `*`, `?`, `[...]`, `**` and `{a,b}`. */
export interface DirectorySpec {
  recurse: boolean
  include?: string | undefined
  exclude?: string | undefined
}

/** What an agent does with a kustomization besides building it, in the order in which it is done. */
export interface KustomizeSpec {
  /** A folder without a kustomization gets one of all its YAML files, as Flux's kustomize-controller makes it. */
  generate?: boolean | undefined
  edit?: KustomizationEdit | undefined
  /** Replaced in what was built, where there are any: names and values, which may be secret. */
  variables?: readonly (readonly [name: string, value: string])[] | undefined
  /** Put on each object. */
  metadata?: { labels?: JsonObject | undefined; annotations?: JsonObject | undefined } | undefined
  /** Labels and annotations by which the agent leaves an object alone: it is no part of the source then. */
  leaveOut?: readonly { key: string; values: readonly string[] }[] | undefined
}

/** How a chart is rendered. */
export interface HelmSpec {
  /** Default: the source's name. */
  release?: string | undefined
  /** Values files, relative to the source's path, with a slash first to the repository's root; in Helm's order: the last one wins. */
  values: readonly string[]
  /** Values files that are not there are passed over. */
  ignoreMissing?: boolean | undefined
  /** Values as YAML or JSON, after those of the files. May be secret. */
  texts?: readonly string[] | undefined
  /** Single values after all others: `--set` and `--set-string`. */
  set?: readonly (readonly [name: string, value: string])[] | undefined
  setString?: readonly (readonly [name: string, value: string])[] | undefined
  /** The chart's CRDs are no part of it. */
  skipCrds?: boolean | undefined
  /** The cluster's, such as v1.36.3. Default: what Helm itself was made for. */
  kubeVersion?: string | undefined
  /** What the cluster serves besides, such as `monitoring.coreos.com/v1`. */
  apiVersions?: readonly string[] | undefined
  /** What Flux's helm-controller does besides. */
  flux?: FluxHelmSpec | undefined
}

/** How Flux packs a chart and finishes what it renders. */
export interface FluxHelmSpec {
  /** Of the HelmRelease. */
  name: string
  namespace: string
  /**
   * When a commit becomes a release: `commit` each one, which its version names then; `version` only one at which the chart's own version is
   * another: until then the chart stays as it was.
   */
  follows: 'commit' | 'version'
  /** The HelmChart's, which Flux adds to the version where values files stand in place of the chart's own. */
  generation?: number | undefined
  /** Values of which nothing may be repeated, as they are in `texts`. */
  secrets?: readonly string[] | undefined
  /** Kustomizations without resources, which what was rendered goes through in this order. */
  kustomizations?: readonly JsonObject[] | undefined
  labels?: JsonObject | undefined
  annotations?: JsonObject | undefined
}
