/** One Git repository: asks its server, keeps a bare clone on disk, reads commits from it. */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Coalesced } from './coalesce.ts'
import type { GitAuth } from './credentials.ts'
import { CredentialSource, writeAskPass } from './credentials.ts'
import { exclusive } from './exclusive.ts'
import { GitError } from './git-error.ts'
import type { GitErrorReason } from './git-error.ts'
import type { GitRef, NamedRef } from './git-ref.ts'
import { nameRef } from './git-ref.ts'
import type { GitUrl } from './git-url.ts'
import { parseGitUrl } from './git-url.ts'
import { readBatch } from './cat-file.ts'
import { GitExit, runCatFile, runGit } from './run-git.ts'
import { parseTree } from './tree.ts'
import type { TreeEntry } from './tree.ts'

export interface RepositoryOptions {
  /** Any Git URL, or a local path. */
  url: string
  /** Clones are kept below it. */
  stateDir: string
  auth?: GitAuth | undefined
  /**
   * What of the process's environment git may see: PATH, proxies, certificate files, an SSH agent. Names outside
   * `PASSED` are dropped.
   */
  environment?: Readonly<Record<string, string | undefined>>
  /** Milliseconds for a question to the server, and for a fetch. Default 30 s and 10 min. */
  timeouts?: { ask?: number; fetch?: number }
}

export interface CommitInfo {
  revision: string
  author: string
  email: string
  /** Milliseconds since the epoch. */
  authoredAt: number
  committedAt: number
  subject: string
}

/** A blob to read: size in bytes. */
export interface BlobRef {
  oid: string
  size: number
}

/** Environment variables of the guard that git may see. */
const PASSED = [
  'PATH',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
  ...['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]),
]

/**
 * All of git's configuration: neither the system's nor the user's is read. No hooks, no helpers, only transports that run nothing
 * of the repository's choice. Whose the files are does not matter, as nothing in them is run.
 */
const CONFIG = `[safe]
	directory = *
[core]
	hooksPath = /dev/null
	fsmonitor = false
	attributesFile = /dev/null
	excludesFile = /dev/null
	pager = cat
[protocol]
	allow = never
[protocol "https"]
	allow = always
[protocol "http"]
	allow = always
[protocol "ssh"]
	allow = always
[protocol "git"]
	allow = always
[protocol "file"]
	allow = always
[protocol "ext"]
	allow = never
[http]
	lowSpeedLimit = 100
	lowSpeedTime = 30
[gc]
	auto = 0
[maintenance]
	auto = false
[fetch]
	recurseSubmodules = false
	writeCommitGraph = false
[gpg "x509"]
	program = false
[i18n]
	logOutputEncoding = UTF-8
`

const LOCAL_TIMEOUT = 120_000
const FETCHES_PER_TIDY = 64
/** Milliseconds: longer than any fetch takes. */
const LEFTOVER_AGE = 20 * 60_000
/** Of one `git cat-file --batch`. */
const BATCH_BYTES = 32 * 1024 * 1024
const BATCH_COUNT = 10_000

export class Repository {
  /** For people: no credentials in it. */
  readonly display: string
  /** What of the process's environment is known here: programs are found by it. */
  readonly variables: Readonly<Record<string, string | undefined>>
  private readonly url: GitUrl
  private readonly home: string
  private readonly clone: string
  private readonly options: RepositoryOptions
  private readonly credentials: CredentialSource
  private readonly stopped = new AbortController()
  private readonly tips: Coalesced<string, Map<string, string>>
  private ready: Promise<void> | undefined
  /** The last tips, by the refs' names here. */
  private readonly answers = new Map<string, { tip: string; askedAt: number }>()
  private fetching: Promise<unknown> = Promise.resolve()
  private fetches = 0

  /** Throws GitError `refused` for a URL that must not reach git. Touches no disk yet. */
  constructor(options: RepositoryOptions) {
    this.options = options
    this.url = parseGitUrl(options.url)
    this.display = this.url.display
    this.variables = options.environment ?? {}
    const root = join(options.stateDir, 'repositories')
    const id = createHash('sha256').update(this.url.fetch).digest('hex').slice(0, 32)
    this.home = join(root, id)
    this.clone = join(this.home, 'clone.git')
    this.credentials = new CredentialSource(this.url, options.auth, join(this.home, 'askpass.sh'))
    this.tips = new Coalesced((names) => this.askTips(names))
  }

  /**
   * The commit that the server has for `ref` now: asked after this was called, one question under way at a time.
   * Throws GitError (`missing`, `empty`, `auth`, `unreachable`, `timeout`).
   */
  async tip(ref: GitRef): Promise<string> {
    const named = nameRef(ref)
    if (named.commit) return named.commit
    const askedAt = Date.now()
    const { tip } = await this.askTip(named)
    this.answers.set(named.local, { tip, askedAt })
    return tip
  }

  /** The same; an answer that somebody else got in the last milliseconds will do. */
  async recentTip(ref: GitRef, maxAge: number): Promise<string> {
    const known = this.answers.get(nameRef(ref).local)
    return known && known.askedAt >= Date.now() - maxAge ? known.tip : await this.tip(ref)
  }

  /** Brings the commit of `ref` here, and returns its hash. A clone that is broken is made anew. Throws GitError. */
  async fetch(ref: GitRef, signal?: AbortSignal): Promise<string> {
    const named = await this.found(nameRef(ref))
    return await this.writing(async () => {
      const askedAt = Date.now()
      const tip = await this.fetchNamed(named, signal)
      // It may be newer than what was answered before: nobody who takes a recent answer goes back behind it.
      if (askedAt >= (this.answers.get(named.local)?.askedAt ?? 0))
        this.answers.set(named.local, { tip, askedAt })
      return tip
    })
  }

  /** The commit that was last fetched for `ref`, with no question to the server; undefined where there is none. */
  async resolve(ref: GitRef): Promise<string | undefined> {
    const named = nameRef(ref)
    if (!(await exists(this.clone))) return undefined
    try {
      const out = await this.local(['rev-parse', '--verify', '--quiet', `${named.local}^{commit}`])
      return out.trim()
    } catch (error) {
      if (error instanceof GitExit) return undefined
      throw error
    }
  }

  /** Whether the commit and its files' names are here. */
  async has(revision: string): Promise<boolean> {
    if (!(await exists(this.clone))) return false
    try {
      await this.local(['rev-parse', '--verify', '--quiet', `${checkHash(revision)}^{tree}`])
      return true
    } catch (error) {
      if (error instanceof GitExit) return false
      throw error
    }
  }

  /**
   * Everything under `path` ('' for all) at a commit: files, symbolic links and submodules, sorted by name.
   * Empty where there is no such path. Throws GitError `corrupt` where the clone cannot be read.
   */
  async files(revision: string, path: string): Promise<TreeEntry[]> {
    const args = ['ls-tree', '-r', '-z', '-l', '--full-tree', checkHash(revision)]
    return parseTree(await this.read(path === '' ? args : [...args, '--', path]))
  }

  /** The contents of blobs, in the order asked for. Throws GitError `corrupt` where one is not here. */
  async *blobs(refs: readonly BlobRef[]): AsyncGenerator<Buffer> {
    for (let start = 0; start < refs.length;) {
      let bytes = 0
      let end = start
      while (end < refs.length && end - start < BATCH_COUNT && (end === start || bytes < BATCH_BYTES)) {
        bytes += refs[end]?.size ?? 0
        end++
      }
      const oids = refs.slice(start, end).map(({ oid }) => checkHash(oid))
      const out = await this.guardCorrupt(async () =>
        runCatFile({ ...(await this.command(['--batch'])), input: `${oids.join('\n')}\n` }),
      )
      yield* readBatch(out, oids, this.display)
      start = end
    }
  }

  /** Who made a commit and when. */
  async commitInfo(revision: string): Promise<CommitInfo> {
    const format = ['%H', '%an', '%ae', '%at', '%ct', '%s'].join('%x00')
    const out = await this.read([
      'log',
      '-1',
      '--no-show-signature',
      `--format=${format}`,
      checkHash(revision),
      '--',
    ])
    const [hash = '', author = '', email = '', authored = '', committed = '', subject = ''] = out
      .replace(/\n$/, '')
      .split('\0')
    return {
      revision: hash,
      author,
      email,
      authoredAt: Number(authored) * 1000,
      committedAt: Number(committed) * 1000,
      subject,
    }
  }

  /**
   * The same into a new clone, as the present one turned out to be broken. Where that fails, the present one stays: better a part of it than
   * nothing.
   */
  async fetchAnew(ref: GitRef, signal?: AbortSignal): Promise<string> {
    const named = await this.found(nameRef(ref))
    return await this.writing(() => this.replaceClone(named, signal))
  }

  /** Keeps commits from being cleaned away, under a name of the caller's (hex digits), in place of those pinned by it before. */
  async pin(name: string, revisions: readonly string[]): Promise<void> {
    const prefix = `refs/gitops-guard/pin/${name.replace(/[^0-9a-f]/g, '')}/`
    await this.writing(async () => {
      const now = await this.local(['for-each-ref', '--format=%(refname)', prefix])
      const wanted = new Map([...new Set(revisions)].map((hash) => [`${prefix}${checkHash(hash)}`, hash]))
      const old = now.split('\n').filter((ref) => ref !== '' && !wanted.has(ref))
      const lines = [
        ...old.map((ref) => `delete ${ref}\n`),
        ...[...wanted].map(([ref, hash]) => `update ${ref} ${hash}\n`),
      ]
      await this.local(['update-ref', '--stdin'], {}, lines.join(''))
    })
  }

  /** Ends what is under way, with all its processes. Nothing can be asked afterwards. */
  async stop(): Promise<void> {
    this.stopped.abort()
    await this.fetching
  }

  /**
   * Runs git in the clone with an environment besides the usual one. Throws GitExit where it ends with another code than 0.
   * For this folder only.
   */
  async local(
    args: readonly string[],
    environment: Record<string, string> = {},
    input?: string,
  ): Promise<string> {
    const command = await this.command(args)
    return await runGit({
      ...command,
      environment: { ...command.environment, ...environment },
      ...(input === undefined ? {} : { input }),
    })
  }

  /** Several sources, with credentials of their own, can share a clone. */
  private async writing<T>(work: () => Promise<T>): Promise<T> {
    const mine = exclusive(this.clone, work)
    this.fetching = Promise.allSettled([this.fetching, mine])
    return await mine
  }

  private async command(args: readonly string[]) {
    await this.prepare()
    return {
      directory: this.clone,
      args,
      environment: this.environment(),
      timeout: LOCAL_TIMEOUT,
      signal: this.stopped.signal,
    }
  }

  private async read(args: readonly string[]): Promise<string> {
    return await this.guardCorrupt(() => this.local(args))
  }

  /** What the clone should hold and does not give: it is broken. */
  private async guardCorrupt<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof GitExit)) throw error
      throw new GitError('corrupt', `cannot read the clone of ${this.display}: ${firstLine(error.message)}`, {
        cause: error,
      })
    }
  }

  private environment(): Record<string, string> {
    const passed = PASSED.flatMap((name) => {
      const value = this.options.environment?.[name]
      return value === undefined ? [] : [[name, value]]
    })
    return {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ...(Object.fromEntries(passed) as Record<string, string>),
      HOME: this.home,
      XDG_CONFIG_HOME: this.home,
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: join(this.home, 'config'),
      GIT_ATTR_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: 'true',
      SSH_ASKPASS: 'true',
      GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
      GIT_LITERAL_PATHSPECS: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
      GIT_NO_LAZY_FETCH: '1',
      GIT_OPTIONAL_LOCKS: '0',
    }
  }

  private prepare(): Promise<void> {
    this.ready ??= this.init().catch((cause: unknown) => {
      this.ready = undefined
      if (cause instanceof GitError) throw cause
      throw new GitError('failed', `cannot keep a clone of ${this.display}: ${firstLine(String(cause))}`, {
        cause,
      })
    })
    return this.ready
  }

  private async init(): Promise<void> {
    await mkdir(this.home, { recursive: true, mode: 0o700 })
    await writeFile(join(this.home, 'config'), CONFIG, { mode: 0o600 })
    await writeAskPass(join(this.home, 'askpass.sh'))
    // Running init again on a good clone changes nothing; it mends one whose HEAD or refs folder is gone.
    await this.initClone().catch(async () => {
      await rm(this.clone, { recursive: true, force: true })
      await this.initClone()
    })
    await removeLeftovers(this.clone, (changedAt) => changedAt < Date.now() - LEFTOVER_AGE)
  }

  private async initClone(): Promise<void> {
    await runGit({
      directory: this.home,
      args: ['init', '--quiet', '--bare', '--template=', this.clone],
      environment: this.environment(),
      timeout: LOCAL_TIMEOUT,
      signal: this.stopped.signal,
    })
  }

  private async askTip(named: NamedRef): Promise<{ tip: string; remote: string }> {
    const places = named.else === undefined ? [named.remote] : [named.remote, named.else]
    const answers = await Promise.all(places.map((place) => this.tips.ask(place)))
    for (const [index, remote] of places.entries()) {
      const tip = answers[index]?.get(`${remote}^{}`) ?? answers[index]?.get(remote)
      if (tip !== undefined) return { tip, remote }
    }
    return await this.explainMissing(named)
  }

  /** With the one place where the server has it, where it may be in several. */
  private async found(named: NamedRef): Promise<NamedRef> {
    return named.else === undefined ? named : { ...named, remote: (await this.askTip(named)).remote }
  }

  private async askTips(names: readonly string[]): Promise<Map<string, string>> {
    const wanted = [...new Set(names)].flatMap((name) => [name, `${name}^{}`])
    return parseTips(await this.remote(['ls-remote', '--quiet', '--', this.url.fetch, ...wanted], 'ask'))
  }

  private async explainMissing(named: NamedRef): Promise<never> {
    const all = parseTips(await this.remote(['ls-remote', '--quiet', '--', this.url.fetch], 'ask'))
    const prefix = named.remote.startsWith('refs/tags/') ? 'refs/tags/' : 'refs/heads/'
    const names = [...all.keys()].filter((name) => name.startsWith(prefix) && !name.endsWith('^{}'))
    if (all.size === 0) throw new GitError('empty', `${this.display} has no commits yet`)
    const known = names.slice(0, 8).map((name) => name.slice(prefix.length))
    const list = known.length
      ? `there are: ${known.join(', ')}${names.length > known.length ? ', ...' : ''}`
      : 'there is none'
    throw new GitError('missing', `${named.text} does not exist in ${this.display}: ${list}`)
  }

  private async fetchNamed(named: NamedRef, signal?: AbortSignal): Promise<string> {
    try {
      const revision = await this.fetchOnce(named, signal)
      await this.tidy()
      return revision
    } catch (error) {
      if (!(error instanceof GitError) || error.reason !== 'corrupt') throw error
      return await this.replaceClone(named, signal)
    }
  }

  private async replaceClone(named: NamedRef, signal?: AbortSignal): Promise<string> {
    const aside = `${this.clone}.broken`
    await rm(aside, { recursive: true, force: true })
    await rename(this.clone, aside).catch(() => undefined)
    this.ready = undefined
    try {
      const revision = await this.fetchOnce(named, signal)
      await rm(aside, { recursive: true, force: true })
      return revision
    } catch (error) {
      await rm(this.clone, { recursive: true, force: true })
      await rename(aside, this.clone).catch(() => undefined)
      this.ready = undefined
      throw error
    }
  }

  /** Many small fetches leave many small files. What is pinned or a ref's stays; the rest goes after two weeks. */
  private async tidy(): Promise<void> {
    this.fetches++
    if (this.fetches % FETCHES_PER_TIDY !== 0) return
    // Only a fuller disk is lost if it fails.
    await this.local(['-c', 'gc.auto=2000', 'gc', '--auto', '--quiet', '--no-detach']).catch(() => undefined)
  }

  private async fetchOnce(named: NamedRef, signal?: AbortSignal): Promise<string> {
    if (named.commit && (await this.has(named.commit))) {
      await this.local(['update-ref', named.local, named.commit])
      return named.commit
    }
    const refspec = `+${named.remote}:${named.local}`
    try {
      await this.fetchRefs(['--depth=1'], [refspec], signal)
    } catch (error) {
      if (!(error instanceof GitError) || error.reason !== 'failed') {
        if (error instanceof GitError && error.reason === 'missing') await this.explainMissing(named)
        throw error
      }
      // Servers that cannot send a part of the history, or not a commit by its hash, can send all of it.
      await this.fetchRefs(
        [],
        named.commit ? ['+refs/heads/*:refs/all/heads/*', '+refs/tags/*:refs/all/tags/*'] : [refspec],
        signal,
      )
      if (named.commit) await this.adopt(named, named.commit)
    }
    return await this.fetched(named)
  }

  /** The commit that a fetch brought. That its tree is here too tells a good clone from a broken one early. */
  private async fetched({ local, text }: NamedRef): Promise<string> {
    try {
      const [revision = ''] = (await this.local(['rev-parse', `${local}^{commit}`, `${local}^{tree}`])).split(
        '\n',
      )
      return checkHash(revision)
    } catch (error) {
      if (!(error instanceof GitExit)) throw error
      throw new GitError('corrupt', `the clone of ${this.display} lacks ${text} after a fetch`, {
        cause: error,
      })
    }
  }

  private async adopt(named: NamedRef, commit: string): Promise<void> {
    if (!(await this.has(commit))) {
      throw new GitError('missing', `${named.text} is on no branch and no tag of ${this.display}`)
    }
    await this.local(['update-ref', named.local, commit])
  }

  private async fetchRefs(
    options: readonly string[],
    refspecs: readonly string[],
    signal?: AbortSignal,
  ): Promise<void> {
    const args = [
      'fetch',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
    ]
    await this.remote([...args, ...options, '--', this.url.fetch, ...refspecs], 'fetch', signal)
  }

  /** A command that talks to the server. */
  private async remote(
    args: readonly string[],
    kind: 'ask' | 'fetch',
    signal?: AbortSignal,
  ): Promise<string> {
    const command = await this.command(args)
    const credentials = await this.credentials.open()
    const started = Date.now() - 1000
    const timeout = this.options.timeouts?.[kind] ?? (kind === 'ask' ? 30_000 : 600_000)
    try {
      return await runGit({
        ...command,
        timeout,
        signal: signal ? AbortSignal.any([signal, this.stopped.signal]) : this.stopped.signal,
        environment: { ...command.environment, ...credentials.environment },
        secrets: credentials.secrets,
      })
    } catch (error) {
      if (error instanceof GitError) {
        if (kind === 'fetch') await removeLeftovers(this.clone, (changedAt) => changedAt >= started)
        throw new GitError(error.reason, `${this.display}: ${error.message}`)
      }
      if (!(error instanceof GitExit)) throw error
      const reason = reasonOf(error.message)
      if (reason === 'auth') this.credentials.refused()
      throw new GitError(
        reason,
        `cannot ${kind === 'ask' ? 'ask' : 'fetch from'} ${this.display}: ${summary(error.message)}`,
      )
    } finally {
      await credentials.dispose()
    }
  }
}

/** What git says about what went wrong, by its messages in the C locale (remote-curl.c, connect.c, fetch-pack.c, object-file.c). */
function reasonOf(message: string): GitErrorReason {
  const patterns: [GitErrorReason, RegExp][] = [
    ['failed', /does not support (shallow|--depth)|no space left|disk quota|read-only file system/i],
    ['missing', /couldn't find remote ref|no such ref was fetched|not our ref|upload-pack: not our ref/i],
    [
      'auth',
      /authentication failed|could not read (username|password)|permission denied|access denied|host key verification failed|error: 40[13]|terminal prompts disabled|repository not found|repository '.*' not found/i,
    ],
    [
      'unreachable',
      /could not resolve host|failed to connect|couldn't connect|connection (refused|timed out|reset|closed)|network is unreachable|no route to host|unable to connect|operation too slow|timed out|empty reply|ssl|certificate|does not appear to be a git repository|error: 5\d\d|the remote end hung up|early eof|expected flush|unexpected disconnect|name or service not known|temporary failure in name resolution/i,
    ],
    [
      'corrupt',
      /not a git repository|object file|loose object|bad object|bad config|unable to read|packfile|pack-|index-pack|did not send all necessary objects|broken|corrupt|missing (blob|tree|commit|object)|invalid (sha1|object)|shallow|\.lock|file exists|bad (line|signature|ref)|does not point to a valid object|could not (read|parse|open)|unable to (open|create|parse|resolve|update|write)|inflate|premature/i,
    ],
  ]
  // A server may tell of broken objects of its own: that is nothing to throw the clone away for.
  const ours = message.replace(/^remote: .*$/gm, '')
  const matches = ([reason, pattern]: [GitErrorReason, RegExp]) =>
    pattern.test(reason === 'corrupt' ? ours : message)
  return patterns.find(matches)?.[0] ?? 'failed'
}

function summary(message: string): string {
  const lines = message
    .split('\n')
    .filter((line) => /^(fatal|error|remote|ssh|.*denied|.*failed)/i.test(line))
  return (lines.length ? lines : message.split('\n')).slice(0, 3).join('; ')
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? ''
}

function parseTips(output: string): Map<string, string> {
  const tips = new Map<string, string>()
  for (const line of output.split('\n')) {
    const [hash, name] = line.split('\t')
    if (hash && name) tips.set(name, hash)
  }
  return tips
}

function checkHash(hash: string): string {
  if (!/^[0-9a-f]{40,64}$/.test(hash))
    throw new GitError('refused', `${JSON.stringify(hash)} is no object's hash`)
  return hash
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** What a killed git left. Another process (`diff` beside `serve`) may be fetching into the same clone: not its files. */
async function removeLeftovers(clone: string, isOurs: (changedAt: number) => boolean): Promise<void> {
  const entries = await readdir(clone, { recursive: true, withFileTypes: true }).catch(() => [])
  const left = entries.filter(
    (entry) => entry.isFile() && /\.lock$|^tmp_(pack|idx|obj|rev)_/.test(entry.name),
  )
  for (const entry of left) {
    const path = join(entry.parentPath, entry.name)
    const changedAt = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    )
    if (Number.isFinite(changedAt) && isOurs(changedAt)) await rm(path, { force: true })
  }
}
