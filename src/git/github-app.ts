/** Gets installation tokens of a GitHub App, and keeps each until shortly before it ends. */
import { createPrivateKey, sign } from 'node:crypto'
import { GitError } from './git-error.ts'
import { scrub } from './scrub.ts'
import type { Secret } from '../model/secret.ts'

export interface GithubApp {
  id: number | string
  installation: number | string
  /** PEM of the app's private key. */
  key: Secret
  /** Base URL of the API. Default: https://api.github.com for github.com, https://HOST/api/v3 for any other host. */
  api?: string
}

/** A token this near its end is not used any more: a fetch may take a while. Milliseconds. */
const MARGIN = 5 * 60_000
const TIMEOUT = 20_000

export class GithubAppTokens {
  private readonly app: GithubApp
  private readonly api: string
  private known: { token: string; key: string; expiresAt: number } | undefined

  /** @param origin of the repository's server, such as `https://github.com`. */
  constructor(app: GithubApp, origin: string) {
    this.app = app
    this.api = (app.api ?? apiOf(origin)).replace(/\/+$/, '')
  }

  /** Throws GitError `auth` or `unreachable`, without the key or a token in it. */
  async token(now = Date.now()): Promise<string> {
    const key = await this.app.key.read()
    if (this.known && this.known.key === key && this.known.expiresAt - MARGIN > now) return this.known.token
    const jwt = signJwt(String(this.app.id), key, now)
    const answer = await this.ask(jwt)
    this.known = { ...answer, key }
    return answer.token
  }

  /** Called when the server refused the token: it may have been revoked. */
  forget(): void {
    this.known = undefined
  }

  private async ask(jwt: string): Promise<{ token: string; expiresAt: number }> {
    const url = `${this.api}/app/installations/${encodeURIComponent(String(this.app.installation))}/access_tokens`
    let response: Response
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: {
          Accept: 'application/vnd.github+json',
          Authorization: `Bearer ${jwt}`,
          'User-Agent': 'gitops-guard',
          'X-GitHub-Api-Version': '2022-11-28',
        },
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT),
      })
    } catch (cause) {
      throw new GitError('unreachable', `cannot reach ${this.api} for a GitHub App token: ${reasonOf(cause)}`)
    }
    const body = (await response.json().catch(() => ({}))) as {
      token?: unknown
      expires_at?: unknown
      message?: unknown
    }
    if (!response.ok) {
      const message = scrub(typeof body.message === 'string' ? body.message : '', [jwt]).slice(0, 200)
      throw new GitError(
        'auth',
        `GitHub App ${this.app.id}, installation ${this.app.installation}: ${this.api} answered ${response.status} ${message}`.trim(),
      )
    }
    if (typeof body.token !== 'string') {
      throw new GitError('auth', `${this.api} answered without a token for GitHub App ${this.app.id}`)
    }
    const expiresAt = typeof body.expires_at === 'string' ? Date.parse(body.expires_at) : NaN
    return { token: body.token, expiresAt: Number.isNaN(expiresAt) ? Date.now() + 10 * 60_000 : expiresAt }
  }
}

function apiOf(origin: string): string {
  const url = new URL(origin)
  return url.host === 'github.com' ? 'https://api.github.com' : `${url.origin}/api/v3`
}

/** RS256, valid for nine minutes from one minute ago (GitHub takes at most ten, and clocks differ). */
function signJwt(issuer: string, pem: string, now: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const seconds = Math.floor(now / 1000)
  const claims = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: seconds - 60, exp: seconds + 480, iss: issuer })}`
  let signature: Buffer
  try {
    signature = sign('RSA-SHA256', Buffer.from(claims), createPrivateKey(pem))
  } catch {
    // The cause could hold parts of the key.
    throw new GitError(
      'auth',
      `the private key of GitHub App ${issuer} cannot be used: it must be an RSA key in PEM`,
    )
  }
  return `${claims}.${signature.toString('base64url')}`
}

function reasonOf(cause: unknown): string {
  const inner = (cause as { cause?: { code?: string; message?: string } }).cause
  return inner?.code ?? inner?.message ?? (cause as Error).message
}
