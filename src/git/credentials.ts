/** Hands credentials to git by its environment and by files that only this user can read: never by its arguments. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GitError } from './git-error.ts'
import type { GitUrl } from './git-url.ts'
import type { GithubApp } from './github-app.ts'
import { GithubAppTokens } from './github-app.ts'
import type { Secret } from '../model/secret.ts'

export type GitAuth =
  { token: Secret; user?: string } | { ssh: { key: Secret; knownHosts: Secret } } | { githubApp: GithubApp }

/** For one git command: `dispose` when it has ended. */
export interface Credentials {
  environment: Record<string, string>
  /** What to scrub from git's messages. */
  secrets: string[]
  dispose(): Promise<void>
}

const DEFAULT_USER = 'x-access-token'

/** Seconds. A peer that is gone must not hold a connection for ever. */
const SSH_OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ConnectTimeout=15',
  'ServerAliveInterval=10',
  'ServerAliveCountMax=3',
  'ControlMaster=no',
  'ControlPath=none',
  'PermitLocalCommand=no',
]

export class CredentialSource {
  private readonly url: GitUrl
  private readonly auth: GitAuth | undefined
  private readonly askPass: string
  private readonly tokens: GithubAppTokens | undefined

  /** @param askPass path of the script that `writeAskPass` made. Throws GitError `refused` where auth and URL do not fit. */
  constructor(url: GitUrl, auth: GitAuth | undefined, askPass: string) {
    this.url = url
    this.auth = auth
    this.askPass = askPass
    if (auth && 'ssh' in auth && url.kind !== 'ssh') {
      throw new GitError('refused', `auth.ssh needs an ssh URL: ${url.display} is none`)
    }
    if (auth && !('ssh' in auth) && url.kind !== 'http') {
      throw new GitError('refused', `auth.token and auth.githubApp need an https URL: ${url.display} is none`)
    }
    this.tokens = auth && 'githubApp' in auth ? new GithubAppTokens(auth.githubApp, url.origin) : undefined
  }

  async open(): Promise<Credentials> {
    if (this.url.kind === 'ssh') return await this.openSsh()
    if (this.url.kind === 'http') return await this.openHttp()
    return { environment: {}, secrets: [], dispose: () => Promise.resolve() }
  }

  /** The server refused what `open` gave. */
  refused(): void {
    this.tokens?.forget()
  }

  private async openHttp(): Promise<Credentials> {
    const login = await this.login()
    if (!login) return { environment: {}, secrets: [], dispose: () => Promise.resolve() }
    return {
      environment: {
        GIT_ASKPASS: this.askPass,
        GITOPS_GUARD_ASKPASS_ORIGIN: this.url.origin,
        GITOPS_GUARD_ASKPASS_HOST: this.url.origin.replace(/^[a-z]+:\/\//, ''),
        GITOPS_GUARD_ASKPASS_USER: login.user,
        GITOPS_GUARD_ASKPASS_PASSWORD: login.password,
      },
      secrets: [login.password, `${login.user}:${login.password}`],
      dispose: () => Promise.resolve(),
    }
  }

  private async login(): Promise<{ user: string; password: string } | undefined> {
    const { auth, url } = this
    if (auth && 'token' in auth) {
      const password = (await auth.token.read()).trim()
      return { user: auth.user ?? url.user ?? DEFAULT_USER, password }
    }
    if (this.tokens) return { user: DEFAULT_USER, password: await this.tokens.token() }
    if (url.password !== undefined) return { user: url.user ?? DEFAULT_USER, password: url.password }
    // https://TOKEN@host is a habit.
    return url.user === undefined ? undefined : { user: url.user, password: '' }
  }

  private async openSsh(): Promise<Credentials> {
    const options = SSH_OPTIONS.map((option) => `-o ${option}`)
    const auth = this.auth
    if (!auth || !('ssh' in auth)) {
      return {
        environment: { GIT_SSH_COMMAND: ['ssh', ...options].join(' '), GIT_SSH_VARIANT: 'ssh' },
        secrets: [],
        dispose: () => Promise.resolve(),
      }
    }
    const key = (await auth.ssh.key.read()).replaceAll('\r\n', '\n').trim()
    const knownHosts = await auth.ssh.knownHosts.read()
    const directory = await mkdtemp(join(tmpdir(), 'gitops-guard-ssh-'))
    const keyFile = join(directory, 'key')
    const hostsFile = join(directory, 'known_hosts')
    await writeFile(keyFile, `${key}\n`, { mode: 0o600 })
    await writeFile(hostsFile, `${knownHosts.trim()}\n`, { mode: 0o600 })
    const command = [
      'ssh',
      '-F /dev/null',
      ...options,
      '-o IdentitiesOnly=yes',
      '-o IdentityAgent=none',
      '-o GlobalKnownHostsFile=/dev/null',
      `-o UserKnownHostsFile=${quote(hostsFile)}`,
      `-i ${quote(keyFile)}`,
    ]
    return {
      environment: { GIT_SSH_COMMAND: command.join(' '), GIT_SSH_VARIANT: 'ssh' },
      secrets: [key],
      dispose: () => rm(directory, { recursive: true, force: true }),
    }
  }
}

/**
 * A script for GIT_ASKPASS that answers from its environment, and only where git asks for the configured server: a redirect
 * to another host gets nothing.
 */
export async function writeAskPass(file: string): Promise<void> {
  const script = `#!/bin/sh
case "$1" in
  "Username for '$GITOPS_GUARD_ASKPASS_ORIGIN': ") printf '%s\\n' "$GITOPS_GUARD_ASKPASS_USER" ;;
  "Password for '"*"@$GITOPS_GUARD_ASKPASS_HOST': ") printf '%s\\n' "$GITOPS_GUARD_ASKPASS_PASSWORD" ;;
  *) exit 1 ;;
esac
`
  await writeFile(file, script, { mode: 0o700 })
}

/** For the shell that git runs GIT_SSH_COMMAND with. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
