/** Push notifications of GitHub, GitLab, Gitea, Forgejo, Gogs and Bitbucket: whether to believe them, and what they say. */
import { createHmac } from 'node:crypto'
import { sameToken } from '../screen/same-token.ts'

/** As node:http has them: names in lower case. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** A notification that the server's secret vouches for. */
export interface Push {
  /** All URLs that it gives for its repository. */
  urls: string[]
  /** `refs/heads/main`, where it names one and only one. */
  ref?: string
}

/**
 * What `body` says, if it is signed with `secret` as its server does; else why it is refused (text for a log: nothing of the secret or the body in it).
 * A notification only ever makes the guard ask Git, so that more of one than a repeated call costs nothing: no replay protection.
 */
export function verifyPush(headers: Headers, body: Buffer, secret: string): Push | { refused: string } {
  if (secret === '') return { refused: 'no secret is configured' }
  const why = checkSignature(headers, body, secret)
  if (why) return { refused: why }
  const payload = parse(body)
  if (!payload) return { refused: 'the body is no JSON object' }
  const urls = [...new Set(urlsOf(payload))]
  if (urls.length === 0) return { refused: 'the body names no repository' }
  const ref = refOf(payload)
  return ref === undefined ? { urls } : { urls, ref }
}

/** Headers that hold an HMAC-SHA256 of the body in hex, after this prefix. The first that is present counts. */
const SIGNATURES: readonly (readonly [header: string, prefix: string])[] = [
  ['x-hub-signature-256', 'sha256='],
  ['x-forgejo-signature', ''],
  ['x-gitea-signature', ''],
  ['x-gogs-signature', ''],
  ['x-hub-signature', 'sha256='],
]

function checkSignature(headers: Headers, body: Buffer, secret: string): string | undefined {
  for (const [header, prefix] of SIGNATURES) {
    const value = one(headers[header])
    if (value === undefined) continue
    if (!value.startsWith(prefix)) return `${header} is no ${prefix.replace('=', '')} signature`
    const wanted = createHmac('sha256', secret).update(body).digest('hex')
    return sameToken(value.slice(prefix.length).toLowerCase(), wanted)
      ? undefined
      : `${header} does not match the secret`
  }
  const token = one(headers['x-gitlab-token'])
  if (token === undefined) return 'it is not signed'
  return sameToken(token, secret) ? undefined : 'x-gitlab-token does not match the secret'
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

/** GitHub can be set to send a form. */
function parse(body: Buffer): unknown {
  const text = body.toString('utf8')
  const json = text.startsWith('payload=') ? (new URLSearchParams(text).get('payload') ?? '') : text
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function urlsOf(payload: unknown): string[] {
  const names = [
    'clone_url',
    'ssh_url',
    'git_url',
    'html_url',
    'git_http_url',
    'git_ssh_url',
    'url',
    'web_url',
  ]
  const repository = get(payload, 'repository')
  const plain = [repository, get(payload, 'project')].flatMap((place) =>
    names.map((name) => get(place, name)),
  )
  const links = get(repository, 'links')
  const clones = list(get(links, 'clone')).map((link) => get(link, 'href'))
  const all = [...plain, get(get(links, 'html'), 'href'), ...clones]
  return all.filter((url): url is string => typeof url === 'string' && url !== '' && url.length < 2000)
}

function refOf(payload: unknown): string | undefined {
  const direct = get(payload, 'ref')
  if (typeof direct === 'string') return direct.startsWith('refs/') ? direct : undefined
  // Bitbucket Cloud, then Bitbucket Server.
  const cloud = list(get(get(payload, 'push'), 'changes')).map((change) => {
    const now = get(change, 'new') ?? get(change, 'old')
    return `refs/${get(now, 'type') === 'tag' ? 'tags' : 'heads'}/${String(get(now, 'name'))}`
  })
  const server = list(get(payload, 'changes')).map((change) => get(get(change, 'ref'), 'id'))
  const refs = new Set([...cloud, ...server].filter((ref): ref is string => typeof ref === 'string'))
  const [only] = refs
  return refs.size === 1 ? only : undefined
}

function get(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Record<string, unknown>)[key]
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
