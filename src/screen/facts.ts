/** What the screen shows, as the guard gives it. Asked for when somebody looks; cheap, and from memory where not said otherwise. */
import type { ObjectRef } from '../model/identity.ts'
import type { Mode } from '../model/verdict.ts'
import type { ReportedChange } from '../model/violation.ts'

export interface SourceFacts {
  name: string
  /** Without credentials. */
  repository: string
  /** `branch main`. */
  ref: string
  path: string
  /** Full hash; '' before it was read. */
  revision: string
  mode: Mode
  heal: 'revert' | 'alert'
  objects: number
  /** Manifests that cannot be used; the first few. */
  problems: readonly { file: string; line: number; message: string }[]
  problemCount: number
  /** RFC 3339; absent before. */
  committedAt?: string
  /** When Git last answered. */
  fetchedAt?: string
  lastError?: string
}

/** What an agent says of a source. */
export interface ProgressFacts {
  state: 'applying' | 'applied' | 'suspended' | 'unknown'
  revision?: string
}

export interface ExceptionFacts {
  namespace: string
  name: string
  openedBy: string
  reason: string
  /** RFC 3339. */
  until: string
}

export interface OverviewFacts {
  ready: boolean
  degraded: boolean
  conditions: readonly { name: string; ok: boolean; reason?: string }[]
  sources: readonly SourceFacts[]
  /** How many objects are in which status. */
  objects: Readonly<Record<string, number>>
  /** Violations that wait for delivery, by provider. */
  waiting: Readonly<Record<string, number>>
  exceptions: readonly ExceptionFacts[]
  /** Objects that wait for a comparison. */
  queue: number
}

export interface ObjectFacts {
  ref: ObjectRef
  status: string
  source: string
}

export interface ObjectDetail extends ObjectFacts {
  apiVersion: string
  repository?: string
  origin?: { file: string; line: number; revision: string; approximate: boolean }
  finding?: {
    drift: 'modified' | 'missing' | 'undeclared'
    remedy: string
    /** A sentence. */
    reason: string
    actor: { username: string; authenticated: boolean }
    /** RFC 3339. */
    seenAt: string
    /** Secret values masked. */
    changes: readonly ReportedChange[]
  }
}

/** The guard as the screen needs it. */
export interface GuardFacts {
  overview(): OverviewFacts
  objects(): Iterable<ObjectFacts>
  /** Undefined for what is neither declared nor found. */
  object(ref: ObjectRef): ObjectDetail | undefined
  /** Asks the API server; rejects where it cannot. */
  progress(source: string): Promise<ProgressFacts | undefined>
}
