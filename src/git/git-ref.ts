/** What of a repository is followed: a branch, a tag, one commit, or whatever bears a name. */
import { createHash } from 'node:crypto'
import { GitError } from './git-error.ts'

export type GitRef =
  | { branch: string }
  | { tag: string }
  | { commit: string }
  /** A branch, else a tag, of this name; `HEAD`; or a whole ref such as `refs/pull/1/head`. For what is discovered. */
  | { name: string }

/** A ref in git's own terms. */
export interface NamedRef {
  /** For people: `branch main`. */
  text: string
  /** Where the server keeps it; for a commit its hash. */
  remote: string
  /** Where it is kept in the clone. */
  local: string
  commit?: string
  /** Where the server may keep it besides, if not there. */
  else?: string
}

/** Throws GitError `refused` for a name that git itself would not take, or would take for an option or a range. */
export function nameRef(ref: GitRef): NamedRef {
  if ('commit' in ref) {
    const commit = ref.commit.toLowerCase()
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) {
      throw new GitError(
        'refused',
        `a commit must be its full hash of 40 hexadecimal digits: current value is ${JSON.stringify(ref.commit)}`,
      )
    }
    return {
      text: `commit ${commit.slice(0, 12)}`,
      remote: commit,
      local: localName('commit', commit),
      commit,
    }
  }
  if ('name' in ref) return nameAny(ref.name)
  const [kind, name] = 'branch' in ref ? (['branch', ref.branch] as const) : (['tag', ref.tag] as const)
  if (!isRefName(name)) {
    throw new GitError('refused', `${kind} ${JSON.stringify(name)} is no name that git accepts`)
  }
  const remote = `refs/${kind === 'branch' ? 'heads' : 'tags'}/${name}`
  return { text: `${kind} ${name}`, remote, local: localName(kind, name) }
}

function nameAny(name: string): NamedRef {
  if (name !== 'HEAD' && !isRefName(name))
    throw new GitError('refused', `${JSON.stringify(name)} is no name that git accepts`)
  const local = localName('name', name)
  if (name === 'HEAD') return { text: 'HEAD', remote: 'HEAD', local }
  if (name.startsWith('refs/')) return { text: name, remote: name, local }
  return {
    text: `branch or tag ${name}`,
    remote: `refs/heads/${name}`,
    else: `refs/tags/${name}`,
    local,
  }
}

/** The rules of git-check-ref-format(1). */
function isRefName(name: string): boolean {
  if (name === '' || name === '@' || /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|\/$|\.$/.test(name))
    return false
  return name.split('/').every((part) => !/^\.|\.lock$/.test(part))
}

/** Hashed, so that names which differ in case only never meet on a disk that does not tell them apart. */
function localName(kind: string, name: string): string {
  return `refs/gitops-guard/${kind}/${createHash('sha256').update(name).digest('hex').slice(0, 24)}`
}
