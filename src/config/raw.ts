/** The configuration as it is written, once the schema found nothing wrong. Durations are texts, secrets are references. */
import type { MentionIds } from '../model/mention.ts'
import type { Severity, ViolationEvent } from '../model/violation.ts'
import type { FieldOp } from '../model/path.ts'
import type { Heal, UndeclaredMode } from '../model/policy.ts'
import type { Mode } from '../model/verdict.ts'
import type { SecretRef } from './secret.ts'

export interface RawConfig {
  mode?: Mode
  heal?: Heal
  stateDir?: string
  sources?: RawSource[]
  agents?: RawAgent[]
  allow?: RawAllow[]
  modes?: (RawSelector & { mode: Mode })[]
  connect?: UndeclaredMode
  children?: UndeclaredMode
  events?: boolean
  policyReports?: boolean
  dashboard?: {
    enabled?: boolean
    name?: string
    loopback?: boolean
    trustedProxy?: { header: string; from: string[] }
    environments?: { name: string; url: string }[]
  }
  graceSeconds?: number
  breakGlass?: { maxDuration?: string }
  boundTokens?: boolean
  clientCA?: { file: string; names?: string[] }
  audit?: { token?: SecretRef }
  discover?: {
    flux?: { namespaces?: string[]; suspended?: Heal; defaultServiceAccount?: string }
    argocd?: { namespaces?: string[]; suspended?: Heal }
    repositories?: { url: string; auth: RawAuth }[]
  }
  gitWebhook?: { secret: SecretRef }
  notify?: RawNotify[]
  mentions?: { [owner: string]: MentionIds }
}

export interface RawSelector {
  kinds?: string[]
  namespaces?: string[]
  names?: string[]
}

export interface RawSource {
  name: string
  repository: string
  ref: { branch: string } | { tag: string } | { commit: string }
  path?: string
  renderer?: 'auto' | 'plain' | 'kustomize' | 'helm'
  namespace?: string
  undeclared?: UndeclaredMode
  poll?: string
  mode?: Mode
  heal?: Heal
  recreate?: boolean
  auth?: RawAuth
  verify?: { keys: SecretRef[] }
  helm?: { release?: string; values?: string[] }
  sync?: boolean
  prune?: { max: number }
  readyWithin?: string
  agents?: RawAgent[]
}

export interface RawAuth {
  token?: SecretRef
  user?: string
  ssh?: { key: SecretRef; knownHosts: SecretRef }
  githubApp?: { id: number; installation: number; key: SecretRef }
}

export interface RawAgent {
  preset?: string
  user?: string
  managers?: string[]
}

export interface RawAllow {
  preset?: string
  name?: string
  reason?: string
  actors?: { users?: string[]; groups?: string[] }
  objects?: RawSelector
  fields?: string[]
  ops?: FieldOp[]
}

export interface RawNotify {
  name?: string
  only?: {
    sources?: string[]
    namespaces?: string[]
    kinds?: string[]
    events?: ViolationEvent[]
    severities?: Severity[]
  }
  quiet?: { from: string; to: string; zone?: string; except?: Severity[] }
  slack?: { url?: SecretRef; token?: SecretRef; channel?: string; api?: string }
  teams?: { url: SecretRef }
  discord?: { url: SecretRef; forum?: boolean }
  mattermost?: { url: SecretRef }
  googlechat?: { url: SecretRef }
  matrix?: { homeserver: string; room: string; token: SecretRef }
  email?: {
    server: string
    user?: string
    password?: SecretRef
    from: string
    to: string[]
    ca?: SecretRef
  }
  webhook?: { url: string | SecretRef; secret?: SecretRef }
  cloudevents?: { url: string | SecretRef; mode?: 'structured' | 'binary' }
}
