/** Turns the files of a source into manifests: the seam for plain YAML, Kustomize and Helm. */
import type { Manifest, Problem } from '../model/desired.ts'
import type { BlobRef } from './repository.ts'
import type { WrittenObject } from './kustomize-origins.ts'
import type { KnownDocuments } from './rendered-documents.ts'
import type { SourceSpec } from './source-spec.ts'
import type { TreeEntry } from './tree.ts'

/** Reads a commit. `Repository` is one. */
export interface CommitReader {
  files(revision: string, path: string): Promise<TreeEntry[]>
  blobs(refs: readonly BlobRef[]): AsyncGenerator<Buffer>
}

export interface RenderInput {
  source: string
  spec: SourceSpec
  /** The commit's full hash. */
  revision: string
  /** The source's path, normalised: '' for the root. */
  path: string
  /** All entries under the path, sorted. */
  entries: readonly TreeEntry[]
  reader: CommitReader
  /** What an earlier commit rendered to: files that are the same need not be read again. */
  previous?: ReadonlyMap<string, LoadedFile> | undefined
  /** What an earlier commit was rendered to by a program. */
  rendering?: Rendering | undefined
  /** By which programs are found: PATH and the like. */
  environment: Readonly<Record<string, string | undefined>>
  signal?: AbortSignal | undefined
}

/** A file as it was read, to be used again while its content stays. */
export interface LoadedFile {
  oid: string
  /** Namespaces as written. Of an earlier revision (`origin.revision`) where the file broke and these stay in force. */
  manifests: readonly Manifest[]
  problems: readonly Problem[]
  /** The last blob that could be read in full, where this one cannot. */
  fallback?: { oid: string; size: number; revision: string } | undefined
  size: number
}

/** What a program made of a commit, to be used again while what it read stays, and to stay in force where it fails. */
export interface Rendering {
  /** Of all that it read. */
  inputs: string
  /** The commit at which it worked. */
  revision: string
  manifests: readonly Manifest[]
  problems: readonly Problem[]
  documents: KnownDocuments
  /** What the files that it read hold, by their blobs. */
  written: ReadonlyMap<string, readonly WrittenObject[]>
  /** The chart that was rendered, and the commit that it is of. */
  chart?: { name: string; version: string; revision: string; generation?: number | undefined } | undefined
}

export interface Rendered {
  /** In order of application; namespaces as written. */
  manifests: Manifest[]
  problems: Problem[]
  /** By path. Empty for renderers that do not go by files. */
  files: ReadonlyMap<string, LoadedFile>
  /** Where a program rendered. */
  rendering?: Rendering | undefined
}

export interface Renderer {
  /** Never throws for what is written in the files: that becomes a problem. */
  render(input: RenderInput): Promise<Rendered>
}
