import type { ObjectRef } from './identity.ts'
import type { Json, KubeObject } from './json.ts'
import type { Path } from './path.ts'

/** Where in Git a manifest is written. */
export interface Origin {
  /** Path of the file from the repository's root. */
  file: string
  /** First line of the manifest in that file, from 1. */
  line: number
  /** The commit's full hash. */
  revision: string
  /** True where rendering (Kustomize, Helm) only lets the file be guessed. */
  approximate?: boolean
}

/** One object as Git declares it. */
export interface Manifest {
  ref: ObjectRef
  object: KubeObject
  origin: Origin
  /** Hash of the manifest's content: canonical forms are kept by it. */
  hash: string
  /** Where each of its fields is written; absent where that cannot be told. */
  written?: Written
}

/** An object as a file has it, with the lines of its fields. */
export interface Written {
  object: KubeObject
  /**
   * For each value in it, the object first and then what is inside in the order of its keys, how many lines below the
   * manifest's first it begins: a character's code each, as nothing holds 50,000 short lists in less.
   */
  lines: string
}

/** Something in Git that cannot be used. The manifests around it stay in force. */
export interface Problem {
  source: string
  file: string
  /** From 1; 0 where no line can be told. */
  line: number
  message: string
}

/** What a source renders to at one commit. */
export interface DesiredState {
  source: string
  /** The commit's full hash. */
  revision: string
  /** The repository's URL without credentials, for people. */
  repository: string
  manifests: readonly Manifest[]
  problems: readonly Problem[]
  /** The rules of the repository's CODEOWNERS, in their order. Absent: not read. */
  codeowners?: readonly { pattern: string; owners: readonly string[] }[]
  /** Milliseconds since the epoch at which the commit was made and at which it was loaded. */
  committedAt: number
  loadedAt: number
}

/** What the API server would store for a manifest. */
export interface Canonical {
  object: KubeObject
  /** Places that the server fills with values of its own (uid, clusterIP, a Job's selector): not compared. */
  generated: readonly Path[]
  /** Items of lists to which the server gives another name each time: the names are not compared, the rest is. */
  generatedItems?: readonly GeneratedItem[]
  /** Fields of the manifest that the server does not know and drops. */
  unattainable: readonly string[]
  /** How the form was found: by two probes, by a dry-run on the live object, or from declared fields alone. */
  method: 'probe' | 'dry-run' | 'declared'
}

/** An item that the server puts in a list under a name that it makes up. */
export interface GeneratedItem {
  list: Path
  /** As one answer had it. */
  item: Json
  /** The fields that name an item of the list; absent where it is a set. */
  keys?: readonly string[]
  /** Places in the item that another answer had otherwise (an empty path: all of it), and how texts there begin. */
  madeUp: readonly { path: Path; begins: string }[]
}
