/** What a repository's URL names, and whether it may be given to git at all. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GitError } from './git-error.ts'

export interface GitUrl {
  /** As git gets it: no password in it, for HTTP no user either. */
  fetch: string
  /** For people: no credentials, no query. */
  display: string
  kind: 'http' | 'ssh' | 'git' | 'local'
  /** Scheme, host and port of an HTTP server, as git names it when it asks for a password; '' for others. */
  origin: string
  /** Credentials that were written into the URL. */
  user?: string
  password?: string
}

const SCP = /^(?:([A-Za-z0-9._~-]+)@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):(?!\/\/)(.+)$/

/**
 * Understands https, http, ssh, git and file URLs, `user@host:path`, and local paths. Throws GitError `refused` for
 * what could make git run a program (`ext::`, a leading dash) or is nothing of these.
 */
export function parseGitUrl(text: string): GitUrl {
  const refuse = (why: string): never => {
    throw new GitError('refused', `cannot use ${JSON.stringify(displayOf(text))} as a repository: ${why}`)
  }
  if (text === '') refuse('it is empty')
  if (text.startsWith('-')) refuse('it starts with a dash')
  if (/[\x00-\x1f\x7f]/.test(text)) refuse('it holds control characters')
  if (/^[A-Za-z0-9+.-]+::/.test(text)) refuse('remote helpers are not allowed')

  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined) return parseWithScheme(text, scheme, refuse)

  const scp = SCP.exec(text)
  if (scp && !text.startsWith('/') && !text.startsWith('.')) {
    if (scp[3]?.startsWith('-')) refuse('its path starts with a dash')
    return { fetch: text, display: text, kind: 'ssh', origin: '' }
  }
  // git runs in the clone, where a relative path would mean another place.
  return { fetch: resolve(text), display: text, kind: 'local', origin: '' }
}

function parseWithScheme(text: string, scheme: string, refuse: (why: string) => never): GitUrl {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return refuse('it is no URL')
  }
  switch (scheme) {
    case 'file':
      if (url.host && url.host !== 'localhost') refuse('a file URL has no host')
      return { fetch: fileURLToPath(`file://${url.pathname}`), display: text, kind: 'local', origin: '' }
    case 'http':
    case 'https': {
      const user = decodeURIComponent(url.username)
      const password = decodeURIComponent(url.password)
      url.username = ''
      url.password = ''
      url.hash = ''
      return {
        fetch: url.href,
        display: displayOf(url.href),
        kind: 'http',
        origin: `${url.protocol}//${url.host}`,
        ...(user ? { user } : {}),
        ...(password ? { password } : {}),
      }
    }
    case 'ssh':
    case 'git': {
      if (url.hostname === '') refuse('it names no host')
      if (/^(-|%2d)/i.test(url.hostname) || /^(-|%2d)/i.test(url.username))
        refuse('a host cannot start with a dash')
      url.password = ''
      return { fetch: url.href, display: url.href, kind: scheme, origin: '' }
    }
    default:
      return refuse(`${scheme}:// is not supported: use https, ssh, git, file or a local path`)
  }
}

function displayOf(text: string): string {
  return text.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/@]*@/, '$1').replace(/\?.*$/, '')
}
