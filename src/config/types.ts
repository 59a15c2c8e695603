/** The configuration as the guard uses it: defaults filled in, durations in milliseconds, secrets as readers. */
import type { MentionIds } from '../model/mention.ts'
import type { ObjectSelector, Heal, UndeclaredMode } from '../model/policy.ts'
import type { EmailTarget } from '../model/email.ts'
import type { Secret } from '../model/secret.ts'
import type { Mode } from '../model/verdict.ts'
import type { FieldOp } from '../model/path.ts'
import type { Severity, ViolationEvent } from '../model/violation.ts'

export interface GuardConfig {
  /** What admission does with a violation where no source or `modes` entry decides. */
  mode: Mode
  /** What the watcher does with drift where no source decides: as written, else `revert` in enforce and `alert` otherwise. */
  heal: Heal
  sources: readonly SourceConfig[]
  agents: readonly AgentConfig[]
  allow: readonly AllowConfig[]
  /** Overrides by namespace, kind and name; the first that matches wins over the source's mode. */
  modes: readonly { objects: ObjectSelector; mode: Mode }[]
  /** exec, attach, portforward and proxy. */
  connect: UndeclaredMode
  /** People changing, evicting or deleting what declared objects own. */
  children: UndeclaredMode
  notify: readonly NotifyConfig[]
  /** What owners are called in chats, by the name that Git has for them. */
  mentions: ReadonlyMap<string, MentionIds>
  dashboard: DashboardConfig
  /** Violations are Events on the objects too. */
  events: boolean
  /** What stands and what was refused is in OpenReports or PolicyReports too. */
  policyReports: boolean
  /** Clones, canonical forms, outbox. Absolute. Absent: nothing survives a restart. */
  stateDir?: string
  discover: DiscoverConfig
  gitWebhook?: { secret: Secret }
  /** Seconds that an agent gets for what may be its own doing. */
  graceSeconds: number
  /** Milliseconds that a break-glass permission may last at most. */
  breakGlass: { maxDuration: number }
  /** Tokens of agents' service accounts must be bound to a live Pod. */
  boundTokens: boolean
  /** The webhook serves only clients with a certificate of this authority, with one of these names (any where absent). */
  clientCA?: { file: string; names?: readonly string[] }
  /** `POST /audit` wants this bearer token, where given. */
  audit?: { token?: Secret }
}

export interface DashboardConfig {
  enabled: boolean
  /** Of this cluster. */
  name?: string
  /** Processes on this machine need no token. */
  loopback: boolean
  trustedProxy?: { header: string; from: readonly string[] }
  environments: readonly { name: string; url: string }[]
}

export interface SourceConfig {
  name: string
  /** A Git URL, or an absolute local path. */
  repository: string
  ref: { branch: string } | { tag: string } | { commit: string }
  /** From the repository's root; '' is all of it. */
  path: string
  renderer: 'auto' | 'plain' | 'kustomize' | 'helm'
  /** For manifests that name none. */
  namespace?: string
  undeclared: UndeclaredMode
  /** Milliseconds between questions to the server. */
  poll: number
  /** Its own, else the one above. */
  mode: Mode
  /** Its own, else the one above where written, else by its mode. */
  heal: Heal
  /** What cannot be changed in place may be deleted and created again. */
  recreate: boolean
  auth?: GitAuthConfig
  /** Public keys: a commit that none of them signed is refused. */
  verify?: { keys: readonly Secret[] }
  helm?: { release?: string; values: readonly string[] }
  /** The guard is the agent. */
  sync: boolean
  /** With `sync`: the most objects that one commit may delete. Absent: no more than it leaves, or a few. */
  prune?: { max: number }
  /** With `sync`: milliseconds that an applied object may take until it works, before people are told. */
  readyWithin: number
  /** Only these may bring this source in. Absent: the agents of the configuration. */
  agents?: readonly AgentConfig[]
}

export type GitAuthConfig =
  | { token: Secret; user?: string }
  | { ssh: { key: Secret; knownHosts: Secret } }
  | { githubApp: { id: number; installation: number; key: Secret } }

/** `managers`: field managers that the user's writes always bear. */
export type AgentConfig = { preset: string } | { user: string; managers?: readonly string[] }

export type AllowConfig =
  | { preset: string }
  | {
      name: string
      reason?: string
      actors: { users: readonly string[]; groups?: readonly string[] }
      objects: ObjectSelector
      fields: readonly string[]
      ops?: readonly FieldOp[]
    }

export interface DiscoverConfig {
  /** `suspended`: what is done about drift of what the agent does not reconcile now. */
  flux?: { namespaces: readonly string[]; suspended: Heal; defaultServiceAccount?: string }
  argocd?: { namespaces: readonly string[]; suspended: Heal }
  /** Credentials by the beginning of the URL, for what is discovered. */
  repositories: readonly { url: string; auth: GitAuthConfig }[]
}

/** Where violations are told. */
export type NotifyConfig = NotifyTarget & {
  /** Stays the same while the target does: what is still to be delivered is kept by it. */
  name: string
  only: NotifyFilter
  quiet?: QuietHours
}

/** Absent means all. Patterns of `kinds` and `namespaces` are those of an allowance. */
export interface NotifyFilter {
  sources?: readonly string[]
  namespaces?: readonly string[]
  kinds?: readonly string[]
  events?: readonly ViolationEvent[]
  severities?: readonly Severity[]
}

/** When a target is left alone: what comes meanwhile is told afterwards. */
export interface QuietHours {
  /** `22:00`: hours and minutes of a day in `zone`. From after to goes over midnight. */
  from: string
  to: string
  /** An IANA time zone. */
  zone: string
  /** Told at once all the same. */
  except: readonly Severity[]
}

export type NotifyTarget =
  | { slack: { url: Secret } | { token: Secret; channel: string; api: string } }
  | { teams: { url: Secret } }
  /** forum: the channel is one, and each object has a post of its own. */
  | { discord: { url: Secret; forum?: boolean } }
  | { mattermost: { url: Secret } }
  | { googlechat: { url: Secret } }
  | { matrix: { homeserver: string; room: string; token: Secret } }
  | { email: EmailTarget }
  | { webhook: { url: Secret; secret?: Secret } }
  | { cloudevents: { url: Secret; mode: 'structured' | 'binary' } }
