import type { Canonical, Manifest } from './desired.ts'
import type { ObjectRef } from './identity.ts'
import type { Shape } from './path.ts'
import type { Mode } from './verdict.ts'

/** Which actors, which objects, which fields: a permission as data. */
export interface Allowance {
  name: string
  /** Why: one line, shown by `explain`. */
  reason: string
  /** Exact usernames; `*` stands for any run of characters inside a name. Groups only narrow: both must match when both are given. */
  users: readonly string[]
  groups?: readonly string[]
  objects: ObjectSelector
  /** Field patterns as design'd for the configuration: JSON Pointers with `*`, set values and `[key=value]` items. */
  fields: readonly string[]
  /** Where it matters: only additions, only removals, only replacements. All when absent. */
  ops?: readonly ('add' | 'remove' | 'replace')[]
  /** True: what these fields hold is never compared, whoever wrote it (a cluster's own bookkeeping). */
  bookkeeping?: boolean
  /** True: covers only what a record says that these actors wrote; the bookkeeping says what else of it may stand. */
  onlyRecorded?: boolean
  /** Applies only where the manifest does not itself declare the field. */
  unlessDeclared?: boolean
  /** Only for what this source declares. */
  source?: string
  /** Applies only to an empty object, which says nothing: what a program leaves that reads and writes an object by its own types. */
  onlyEmpty?: boolean
  /** Applies only to objects that Git gives to its actors by name. */
  namedBy?: NamedBy
}

/** Where declared objects name others of their namespace: a canary its target, a rollout its Services. */
export interface NamedBy {
  /** `group/Kind` of the declared objects that name. */
  kind: string
  /** JSON Pointers to a name, or to a reference: `kind` and `name`, and `apiVersion` where it says one. */
  at: readonly string[]
}

/** `*` or absent means any. Kinds are `group/Kind`, or `Kind` for the core group; `apps/*` is a group. */
export interface ObjectSelector {
  kinds?: readonly string[]
  namespaces?: readonly string[]
  names?: readonly string[]
}

/** An actor trusted to bring Git's state in. */
export interface Agent {
  /** Preset's name or the user, for messages. */
  name: string
  /** Exact usernames (`*` inside a name only in presets whose accounts are generated). */
  users: readonly string[]
  /**
   * Field managers that its writes bear, where it never uses others. No permission: a difference that another manager
   * owns is put back without asking Git first. Absent: not known.
   */
  managers?: readonly string[]
}

/** An object that Git declares, with what judging and comparing need. */
export interface Declared {
  manifest: Manifest
  source: SourcePolicy
  /** Undefined until the API server was asked. */
  canonical(): Canonical | undefined
  shape(): Shape | undefined
}

export type UndeclaredMode = 'allow' | 'warn' | 'deny'
export type Heal = 'revert' | 'alert'

/** What a source asks for, apart from its manifests. */
export interface SourcePolicy {
  name: string
  /** For people: repository without credentials, the branch, tag or commit. */
  repository: string
  ref: string
  mode: Mode
  heal: Heal
  undeclared: UndeclaredMode
  /** Who may bring it in. */
  agents: readonly Agent[]
  /** Remedy for immutable fields: report, or delete and create again. */
  recreate: boolean
  /** Its agents may do less than the guard: only what was seen in the cluster as its commit has it is put back. */
  limited?: boolean
}

/** A written, expiring permission to change by hand. */
export interface BreakGlass {
  name: string
  namespace: string
  /** Empty: everything in the namespace. */
  objects: readonly { group: string; kind: string; name: string }[]
  reason: string
  /** Who opened it, as admission authenticated them. */
  openedBy: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** The guard's own identity and objects. */
export interface GuardIdentity {
  /** Its username: `system:serviceaccount:<namespace>:<name>`. */
  username: string
  namespace: string
  /** Name shared by its webhook configuration, policies, ClusterRole and bindings. */
  name: string
}

/** The facts a decision is made from: one immutable snapshot. Lookups are memory only. */
export interface Policy {
  /** Mode where no source decides. */
  mode: Mode
  guard: GuardIdentity
  agents: readonly Agent[]
  allowances: readonly Allowance[]
  /** All controllers run as `system:kube-controller-manager` (no --use-service-account-credentials). */
  sharedControllerIdentity: boolean
  /** An agent's token must be bound to a live Pod. */
  boundTokens?: boolean
  /** CONNECT to Pods, Services and Nodes. */
  connect: UndeclaredMode
  /** People changing, evicting or deleting the Pods and other children of declared objects. */
  children: UndeclaredMode
  /** Overrides by namespace and kind; the first that matches wins over the source's mode. */
  modes: readonly { objects: ObjectSelector; mode: Mode }[]
  breakGlass: readonly BreakGlass[]
  /** Milliseconds that an exception may be open, from when it is written. A day where absent. */
  maxBreakGlass?: number
  /** All of them, in the order of the configuration. */
  sources: readonly SourcePolicy[]
  declared(ref: ObjectRef): Declared | undefined
  /** Declared objects of a namespace, of a kind (`group`, `kind`), or those that a predicate of a rule needs to scan. */
  declaredIn(namespace: string): Iterable<Declared>
  declaredOf(group: string, kind: string): Iterable<Declared>
  /** Whether any declared object is of this API group. */
  declaresGroup(group: string): boolean
  /** Sources that own a namespace: they declare it or objects in it. */
  sourcesOf(namespace: string): readonly SourcePolicy[]
}
