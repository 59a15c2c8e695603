/** From the configuration as it is written to the one that the guard uses. */
import { dirname, resolve } from 'node:path'
import type { Heal } from '../model/policy.ts'
import type { Secret } from '../model/secret.ts'
import { parseDuration } from './duration.ts'
import { targetName } from './notify-name.ts'
import type { RawAgent, RawAllow, RawAuth, RawConfig, RawNotify, RawSource } from './raw.ts'
import { secretRef, type ReferredSecret, type SecretRef } from './secret.ts'
import type {
  AgentConfig,
  AllowConfig,
  GitAuthConfig,
  GuardConfig,
  NotifyConfig,
  NotifyTarget,
  SourceConfig,
} from './types.ts'

export interface ResolveOptions {
  /** The configuration's file: relative paths in it are relative to its folder. */
  file: string
  environment: Readonly<Record<string, string | undefined>>
}

/** Fills in defaults, reads durations, turns references to secrets into readers. Reads no secret. */
export function resolveConfig(raw: RawConfig, options: ResolveOptions): GuardConfig {
  const directory = dirname(resolve(options.file))
  const where = { environment: options.environment, directory }
  const secret = (ref: SecretRef) => secretRef(ref, where)
  const mode = raw.mode ?? 'enforce'
  const { stateDir, gitWebhook, clientCA, audit, discover } = raw
  return {
    mode,
    heal: raw.heal ?? (mode === 'enforce' ? 'revert' : 'alert'),
    sources: (raw.sources ?? []).map((source) => resolveSource(source, raw, directory, secret)),
    agents: (raw.agents ?? []).map(resolveAgent),
    allow: (raw.allow ?? []).map(resolveAllow),
    modes: (raw.modes ?? []).map(({ mode: own, ...objects }) => ({ objects, mode: own })),
    connect: raw.connect ?? 'warn',
    children: raw.children ?? 'deny',
    mentions: new Map(Object.entries(raw.mentions ?? {})),
    notify: (raw.notify ?? []).map((target) => resolveNotify(target, secret)),
    events: raw.events ?? true,
    policyReports: raw.policyReports ?? false,
    dashboard: {
      ...raw.dashboard,
      enabled: raw.dashboard?.enabled ?? true,
      loopback: raw.dashboard?.loopback ?? true,
      environments: raw.dashboard?.environments ?? [],
    },
    ...(stateDir === undefined ? {} : { stateDir: resolve(directory, stateDir) }),
    discover: {
      ...(discover?.flux ? { flux: { ...discover.flux, ...whereToLook(discover.flux) } } : {}),
      ...(discover?.argocd ? { argocd: whereToLook(discover.argocd) } : {}),
      repositories: (discover?.repositories ?? []).map(({ url, auth }) => ({
        url,
        auth: resolveAuth(auth, secret),
      })),
    },
    ...(gitWebhook === undefined ? {} : { gitWebhook: { secret: secret(gitWebhook.secret) } }),
    boundTokens: raw.boundTokens ?? false,
    graceSeconds: raw.graceSeconds ?? 60,
    breakGlass: { maxDuration: parseDuration(raw.breakGlass?.maxDuration ?? '8h')! },
    ...(clientCA === undefined ? {} : { clientCA: { ...clientCA, file: resolve(directory, clientCA.file) } }),
    ...(audit === undefined
      ? {}
      : { audit: audit.token === undefined ? {} : { token: secret(audit.token) } }),
  }
}

function resolveSource(
  raw: RawSource,
  { mode: above, heal: healAbove }: RawConfig,
  directory: string,
  secret: (ref: SecretRef) => Secret,
): SourceConfig {
  const { name, ref, namespace, auth, verify, helm, prune, agents } = raw
  const mode = raw.mode ?? above ?? 'enforce'
  return {
    name,
    repository: /^\.{1,2}(\/|$)/.test(raw.repository) ? resolve(directory, raw.repository) : raw.repository,
    ref,
    path: raw.path ?? '',
    renderer: raw.renderer ?? 'auto',
    ...(namespace === undefined ? {} : { namespace }),
    undeclared: raw.undeclared ?? 'allow',
    poll: parseDuration(raw.poll ?? '30s')!,
    mode,
    // A guard that only watches must not write, unless it was told to.
    heal: raw.heal ?? healAbove ?? (mode === 'enforce' ? 'revert' : 'alert'),
    recreate: raw.recreate ?? false,
    ...(auth === undefined ? {} : { auth: resolveAuth(auth, secret) }),
    ...(verify === undefined ? {} : { verify: { keys: verify.keys.map(secret) } }),
    ...(helm === undefined ? {} : { helm: { ...helm, values: helm.values ?? [] } }),
    sync: raw.sync ?? false,
    ...(prune === undefined ? {} : { prune }),
    readyWithin: parseDuration(raw.readyWithin ?? '5m')!,
    ...(agents === undefined ? {} : { agents: agents.map(resolveAgent) }),
  }
}

function whereToLook({
  namespaces = ['*'],
  suspended = 'alert',
}: {
  namespaces?: string[]
  suspended?: Heal
}) {
  return { namespaces, suspended }
}

function resolveAuth(raw: RawAuth, secret: (ref: SecretRef) => Secret): GitAuthConfig {
  const { token, user, ssh, githubApp } = raw
  if (ssh !== undefined) return { ssh: { key: secret(ssh.key), knownHosts: secret(ssh.knownHosts) } }
  if (githubApp !== undefined) return { githubApp: { ...githubApp, key: secret(githubApp.key) } }
  return { token: secret(token!), ...(user === undefined ? {} : { user }) }
}

function resolveAgent({ preset, user, managers }: RawAgent): AgentConfig {
  if (preset !== undefined) return { preset }
  return { user: user!, ...(managers === undefined ? {} : { managers }) }
}

function resolveAllow({ preset, name, reason, actors, objects, fields, ops }: RawAllow): AllowConfig {
  if (preset !== undefined) return { preset }
  return {
    name: name!,
    ...(reason === undefined ? {} : { reason }),
    actors: {
      users: actors?.users ?? [],
      ...(actors?.groups === undefined ? {} : { groups: actors.groups }),
    },
    objects: objects ?? {},
    fields: fields ?? [],
    ...(ops === undefined ? {} : { ops }),
  }
}

function resolveNotify(raw: RawNotify, secret: (ref: SecretRef) => Secret): NotifyConfig {
  const { quiet, only = {} } = raw
  return {
    ...resolveTarget(raw, secret),
    name: targetName(raw),
    only,
    ...(quiet === undefined
      ? {}
      : { quiet: { ...quiet, zone: quiet.zone ?? 'UTC', except: quiet.except ?? ['critical'] } }),
  }
}

function resolveTarget(raw: RawNotify, secret: (ref: SecretRef) => Secret): NotifyTarget {
  const url = (value: string | SecretRef) => (typeof value === 'string' ? inline(value) : secret(value))
  const { slack, matrix, webhook, cloudevents, teams, discord, mattermost, googlechat, email } = raw
  if (slack?.token !== undefined) {
    const { channel, api } = slack
    return { slack: { token: secret(slack.token), channel: channel!, api: api ?? 'https://slack.com/api' } }
  }
  if (slack !== undefined) return { slack: { url: secret(slack.url!) } }
  if (email !== undefined) {
    const { password, ca, ...rest } = email
    return {
      email: {
        ...rest,
        ...(password === undefined ? {} : { password: secret(password) }),
        ...(ca === undefined ? {} : { ca: secret(ca) }),
      },
    }
  }
  if (matrix !== undefined) return { matrix: { ...matrix, token: secret(matrix.token) } }
  if (webhook !== undefined) {
    const key = webhook.secret
    return { webhook: { url: url(webhook.url), ...(key === undefined ? {} : { secret: secret(key) }) } }
  }
  if (cloudevents !== undefined) {
    return { cloudevents: { url: url(cloudevents.url), mode: cloudevents.mode ?? 'structured' } }
  }
  if (teams !== undefined) return { teams: { url: secret(teams.url) } }
  if (discord !== undefined) return { discord: { url: secret(discord.url), forum: discord.forum ?? false } }
  if (mattermost !== undefined) return { mattermost: { url: secret(mattermost.url) } }
  if (googlechat !== undefined) return { googlechat: { url: secret(googlechat.url) } }
  throw new Error('cannot notify as the target has no provider: the schema lets none such through')
}

/** A URL that holds no secret. */
function inline(value: string): ReferredSecret {
  return { toJSON: () => ({ value }), read: () => Promise.resolve(value) }
}
