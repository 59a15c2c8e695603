/** Whether two URLs name one repository. */
import { resolve } from 'node:path'
import { GitError } from './git-error.ts'
import { parseGitUrl } from './git-url.ts'

/**
 * True for the same host and path, whichever of ssh, scp form, http and https each uses; users, `.git` and the case of the host
 * do not matter. Ports count between two URLs of one kind only: ssh and https of a server differ in theirs.
 */
export function sameRepository(a: string, b: string): boolean {
  const left = placeOf(a)
  const right = placeOf(b)
  if (!left || !right || left.host !== right.host || left.path !== right.path) return false
  return left.kind !== right.kind || left.port === right.port
}

interface Place {
  kind: string
  host: string
  port: string
  path: string
}

const DEFAULT_PORTS: { readonly [scheme: string]: string } = {
  'http:': '80',
  'https:': '443',
  'ssh:': '22',
  'git:': '9418',
}
/** The same repositories under another name, for networks that let only port 443 out. */
const ALIASES: { readonly [host: string]: string } = {
  'ssh.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
}

function placeOf(text: string): Place | undefined {
  let url
  try {
    url = parseGitUrl(text)
  } catch (error) {
    if (error instanceof GitError) return undefined
    throw error
  }
  if (url.kind === 'local') return { kind: 'local', host: '', port: '', path: pathOf(resolve(url.fetch)) }
  const scp = /^(?:[^@/]+@)?(\[[^\]]+\]|[^:/]+):(?!\/\/)(.*)$/.exec(url.fetch)
  if (scp) return { kind: 'ssh', host: hostOf(scp[1] ?? ''), port: '22', path: pathOf(scp[2] ?? '') }
  const parsed = new URL(url.fetch)
  const port = parsed.port || (DEFAULT_PORTS[parsed.protocol] ?? '')
  const kind = url.kind === 'http' ? parsed.protocol : url.kind
  return { kind, host: hostOf(parsed.hostname), port, path: pathOf(decodeURI(parsed.pathname)) }
}

function hostOf(host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '')
  return Object.hasOwn(ALIASES, name) ? (ALIASES[name] ?? name) : name
}

/** Bitbucket Server puts `scm/` before the path over HTTP, and not over ssh. */
function pathOf(path: string): string {
  return path
    .replace(/\/+/g, '/')
    .replace(/^\/|\/$/g, '')
    .replace(/\.git$/, '')
    .replace(/^scm\/(?=[^/]+\/[^/]+$)/, '')
}
