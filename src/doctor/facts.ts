import type { Problem } from '../model/desired.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { Policy } from '../model/policy.ts'

/** What is looked at: a configuration, what its sources declare, and the cluster as it is. Absent: could not be seen. */
export interface Facts {
  policy: Policy
  /** Milliseconds since the epoch. */
  now: number
  /** Namespaces that hold declared objects or that a source is for. */
  sourceNamespaces: readonly string[]
  /** API groups of declared kinds that are no part of Kubernetes. */
  customGroups: readonly string[]
  rbac?: Rbac
  admission?: AdmissionFacts
  /** The webhook configuration and policies as this configuration wants them, with the target that is registered. */
  wanted: readonly KubeObject[]
  guard: GuardFacts
  git: readonly { source: string; error?: string; problems: readonly Problem[] }[]
  /** Secrets that Git holds in plain text, with their place there. */
  plainSecrets: readonly { ref: ObjectRef; file: string; line: number }[]
  /** Mutating webhooks and policies of others that are for kinds that Git declares. */
  rewriters: readonly { object: string; kinds: readonly string[]; declared: boolean }[]
  /** Field managers that own fields of declared objects that Git says otherwise, and no allowance covers. */
  writers: readonly { manager: string; objects: readonly string[]; fields: readonly string[] }[]
  /** `group/Kind`s that Git declares and the API server does not serve. */
  missingKinds: readonly string[]
  /** What the guard brings in itself. */
  syncedKinds?: readonly SyncedKind[]
  server: ServerFacts
  /** What could not be read, for people. */
  unseen: readonly string[]
}

/** A kind that a source declares which the guard is the agent of. */
export interface SyncedKind {
  source: string
  group: string
  /** Plural. */
  resource: string
  /** Of its objects; '' for cluster-scoped ones. */
  namespaces: readonly string[]
}

export interface Rbac {
  clusterRoles: readonly KubeObject[]
  clusterRoleBindings: readonly KubeObject[]
  roles: readonly KubeObject[]
  roleBindings: readonly KubeObject[]
  /** Service account token Secrets: which account, in which namespace, by which name. No values. */
  tokenSecrets: readonly { namespace: string; name: string; account: string }[]
}

export interface AdmissionFacts {
  validatingWebhooks: readonly KubeObject[]
  policies: readonly KubeObject[]
  bindings: readonly KubeObject[]
}

export interface GuardFacts {
  /** Its Deployment, where it runs in the cluster. */
  deployment?: JsonObject
  /** Budgets in its namespace. */
  budgets?: readonly KubeObject[]
  /** `namespace/name` of Deployments in other namespaces that are labelled as a guard. */
  others: readonly string[]
  /** Certificates in the webhook configuration, by webhook. */
  bundles: readonly { webhook: string; notAfter: readonly number[]; problem?: string }[]
  /** Why the guard does not answer where the API server would call it; undefined where it does, or nobody can tell. */
  unreachable?: string
  /** Until when its serving certificate is valid, in milliseconds since the epoch. */
  servingUntil?: number
}

export interface ServerFacts {
  /** `v1.36.3`. */
  version: string
  /** `1.33`, where it emulates an older version than its own. */
  emulated?: string
  /** How far its clock is ahead of this machine's, in milliseconds. */
  skewMs?: number
  /** Controllers are all one user. */
  sharedControllerIdentity: boolean
  /** Whether admission from files refuses a change of policies; undefined where it cannot be told. */
  staticManifests?: boolean
}
