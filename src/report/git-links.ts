/** Links into a Git host's pages, from a repository's URL. */

export interface GitPlace {
  file: string
  line: number
  revision: string
}

/** The page of a file at a commit and line; undefined where the host is none that is known. */
export function fileLink(repository: string, { file, line, revision }: GitPlace): string | undefined {
  const forge = forgeOf(repository)
  if (forge === undefined) return undefined
  const { kind, base } = forge
  const path = file.toWellFormed().split('/').map(encodeURIComponent).join('/')
  const commit = encodeURIComponent(revision.toWellFormed())
  const at = (mark: string) => (line > 0 ? `#${mark}${line}` : '')
  switch (kind) {
    case 'github':
      return `${base}/blob/${commit}/${path}${at('L')}`
    case 'gitlab':
      return `${base}/-/blob/${commit}/${path}${at('L')}`
    case 'gitea':
      return `${base}/src/commit/${commit}/${path}${at('L')}`
    case 'bitbucket':
      return `${base}/src/${commit}/${path}${at('lines-')}`
    case 'bitbucket-server':
      return `${base}/browse/${path}?at=${commit}${at('')}`
  }
}

/** The page of a commit. */
export function commitLink(repository: string, revision: string): string | undefined {
  const forge = forgeOf(repository)
  if (forge === undefined) return undefined
  const commit = encodeURIComponent(revision.toWellFormed())
  const folders = {
    github: 'commit',
    gitlab: '-/commit',
    gitea: 'commit',
    bitbucket: 'commits',
    'bitbucket-server': 'commits',
  }
  return `${forge.base}/${folders[forge.kind]}/${commit}`
}

type ForgeKind = 'github' | 'gitlab' | 'gitea' | 'bitbucket' | 'bitbucket-server'

/** Hosts are told by their name: `github.example.com` runs GitHub. */
function forgeOf(repository: string): { kind: ForgeKind; base: string } | undefined {
  const place = webPlace(repository)
  if (place === undefined) return undefined
  const { origin, host, path } = place
  const kind = kindOf(host)
  if (kind !== 'bitbucket-server') return kind === undefined ? undefined : { kind, base: `${origin}/${path}` }
  const [project, name] = path.replace(/^scm\//, '').split('/')
  if (project === undefined || name === undefined) return undefined
  const owner = project.startsWith('~') ? `users/${project.slice(1)}` : `projects/${project.toUpperCase()}`
  return { kind, base: `${origin}/${owner}/repos/${name}` }
}

function kindOf(host: string): ForgeKind | undefined {
  if (host === 'bitbucket.org') return 'bitbucket'
  const label = (name: string) => new RegExp(`(^|[.-])${name}([.-]|$)`).test(host)
  if (label('github')) return 'github'
  if (label('gitlab')) return 'gitlab'
  if (label('gitea') || label('forgejo') || host === 'codeberg.org') return 'gitea'
  return label('bitbucket') ? 'bitbucket-server' : undefined
}

/** Of `https://host/a/b.git`, `ssh://git@host:22/a/b.git` and `git@host:a/b.git`. The port of SSH is not that of the pages. */
function webPlace(repository: string): { origin: string; host: string; path: string } | undefined {
  const scp = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+):(?!\/\/)([^\s]+)$/.exec(repository)
  const url = scp === null ? URL.parse(repository) : URL.parse(`ssh://${scp[1]}/${scp[2]}`)
  if (url === null || !['http:', 'https:', 'ssh:', 'git+ssh:'].includes(url.protocol)) return undefined
  const web = url.protocol.startsWith('http')
  const path = url.pathname.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')
  if (path === '' || !/^[\w.~/%-]+$/.test(path)) return undefined
  return { origin: web ? url.origin : `https://${url.hostname}`, host: url.hostname, path }
}
