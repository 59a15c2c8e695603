/** Follows a source: polls its ref, loads each new tip, and keeps the last good state when Git cannot be read. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { DesiredState } from '../model/desired.ts'
import { Coalesced } from './coalesce.ts'
import { GitError } from './git-error.ts'
import type { GitErrorReason } from './git-error.ts'
import { readLastGood, restoreFiles, sourceId, writeLastGood } from './last-good.ts'
import type { Repository } from './repository.ts'
import { loadRevision, loadSource } from './source.ts'
import type { LoadedSource } from './source.ts'
import type { SourceSpec } from './source-spec.ts'

export interface FollowOptions {
  spec: SourceSpec
  repository: Repository
  /** Where the last good revision is kept. */
  stateDir: string
  /** Milliseconds between questions to the server. */
  poll: number
  /** The commit that its agent is at, full hash: what is read first, as the newest may not have been brought in yet. */
  startAt?: string | undefined
  onState(state: DesiredState): void
  onError(error: GitError): void
  /** Milliseconds: the longest pause after repeated errors. Default 5 minutes, or `poll` where that is longer. */
  maxBackoff?: number
}

export interface FollowStatus {
  /** The revision in force; undefined before the first load. */
  revision: string | undefined
  /** Milliseconds since the epoch at which the server last answered and what it has was in force. */
  fetchedAt: number | undefined
  /** Set while the newest attempt failed. */
  lastError: { reason: GitErrorReason; message: string } | undefined
  /** Milliseconds since the epoch since when it works, or fails. */
  since: number
}

export class SourceFollower {
  private readonly options: FollowOptions
  private readonly updates: Coalesced<void, void>
  private readonly stopping = new AbortController()
  private wake = new AbortController()
  private loop: Promise<void> | undefined
  private current: LoadedSource | undefined
  private fetchedAt: number | undefined
  private failure: GitError | undefined
  private failures = 0
  private since = Date.now()
  private remembering: Promise<void> = Promise.resolve()
  private spec: SourceSpec
  /** With what `current` was loaded. */
  private loadedWith: SourceSpec | undefined
  private fresh = false

  constructor(options: FollowOptions) {
    this.options = options
    this.spec = options.spec
    this.updates = new Coalesced(() => this.update())
  }

  /** Begins. Before Git is asked, the last good revision is loaded from disk where there is one. */
  start(): void {
    this.loop ??= this.run()
  }

  /**
   * Asks Git now. Resolves when what Git had after this call is in force or has failed (see `status`); calls during a
   * question share the next one.
   */
  async refresh(): Promise<void> {
    if (this.stopping.signal.aborted) return
    this.fresh = true
    await this.updates.ask()
    this.wake.abort()
  }

  /** The same source is another path, ref or rendering from now on. Resolves when that is in force or has failed. */
  async follow(spec: SourceSpec): Promise<void> {
    this.spec = spec
    await this.refresh()
  }

  /** The newest state, undefined before the first load. */
  state(): DesiredState | undefined {
    return this.current
  }

  status(): FollowStatus {
    const failure = this.failure
    return {
      revision: this.current?.revision,
      fetchedAt: this.fetchedAt,
      lastError: failure && { reason: failure.reason, message: failure.message },
      since: this.since,
    }
  }

  /** After it resolves nothing is called and nothing runs. The repository is its owner's to stop. */
  async stop(): Promise<void> {
    this.stopping.abort()
    this.wake.abort()
    await this.loop
    await this.updates.idle()
    await this.remembering
  }

  private async run(): Promise<void> {
    if (!(await this.begin())) await this.restore()
    while (!this.stopping.signal.aborted) {
      await this.updates.ask()
      if (this.stopping.signal.aborted) break
      this.wake = new AbortController()
      await sleep(this.pause(), undefined, { signal: this.wake.signal }).catch(() => undefined)
    }
  }

  /** Milliseconds. Doubled by each error, within ±20 % so that many guards do not ask at once. */
  private pause(): number {
    const { poll, maxBackoff = Math.max(poll, 300_000) } = this.options
    const base = this.failures === 0 ? poll : Math.min(poll * 2 ** (this.failures - 1), maxBackoff)
    return base * (0.8 + 0.4 * Math.random())
  }

  /** Whether the commit at which its agent is could be read. */
  private async begin(): Promise<boolean> {
    const { repository, startAt } = this.options
    const { spec } = this
    const { signal } = this.stopping
    if (startAt === undefined) return false
    try {
      if (!(await repository.has(startAt))) {
        // Most often the newest is the one: then it is fetched as such.
        if ((await repository.recentTip(spec.ref, this.options.poll)) === startAt) return false
        await repository.fetch({ commit: startAt }, signal)
      }
      this.accept(await loadRevision(spec, repository, startAt, undefined, signal), spec)
      return true
    } catch {
      // It may be gone, or Git may be: that is told when the newest is asked for.
      return false
    }
  }

  private async restore(): Promise<void> {
    const { repository, stateDir } = this.options
    const { spec } = this
    try {
      const last = await readLastGood(stateDir, repository.display, spec)
      if (!last || !(await repository.has(last.revision))) return
      const files = await restoreFiles(last, spec, repository)
      const { signal } = this.stopping
      const before =
        last.rendered === undefined
          ? undefined
          : await loadRevision(spec, repository, last.rendered, undefined, signal).catch(() => undefined)
      const previous = { files, rendering: before?.rendering }
      this.accept(await loadRevision(spec, repository, last.revision, previous, signal), spec)
    } catch (error) {
      // The server has it all: only without it is this a loss, and then its own error is told too.
      this.fail(asGitError(error))
    }
  }

  private async update(): Promise<void> {
    if (this.stopping.signal.aborted) return
    const { spec } = this
    const { repository, poll } = this.options
    const { signal } = this.stopping
    const age = this.fresh ? 0 : poll / 2
    this.fresh = false
    try {
      await this.renew(spec)
      const tip = await abandonOn(signal, repository.recentTip(spec.ref, age))
      if (tip === this.current?.revision && this.loadedWith === spec) return this.succeed()
      const loaded = await this.load(spec, tip)
      if (signal.aborted) return
      this.succeed()
      this.accept(loaded, spec)
      // Nobody waits for the disk.
      this.remembering = this.remembering.then(() => this.remember(loaded))
    } catch (error) {
      if (signal.aborted) return
      this.fail(asGitError(error))
    }
  }

  /** What is rendered otherwise from now on needs no server: the commit in force is here. */
  private async renew(spec: SourceSpec): Promise<void> {
    const { current, loadedWith } = this
    if (!current || !loadedWith || loadedWith === spec || !isDeepStrictEqual(loadedWith.ref, spec.ref)) return
    const { signal } = this.stopping
    this.accept(await loadRevision(spec, this.options.repository, current.revision, current, signal), spec)
  }

  /** A commit that another source of the repository has fetched is not fetched again. */
  private async load(spec: SourceSpec, tip: string): Promise<LoadedSource> {
    const { repository } = this.options
    const { signal } = this.stopping
    try {
      if (await repository.has(tip)) return await loadRevision(spec, repository, tip, this.current, signal)
    } catch (error) {
      if (!(error instanceof GitError) || error.reason !== 'corrupt') throw error
    }
    return await loadSource(spec, repository, this.current, signal)
  }

  private async remember(loaded: LoadedSource): Promise<void> {
    const { repository, stateDir } = this.options
    const { spec } = this
    try {
      const last = await writeLastGood(stateDir, repository.display, spec, loaded)
      const rendered = last.rendered === undefined ? [] : [last.rendered]
      const revisions = [last.revision, ...rendered, ...last.kept.map(({ revision }) => revision)]
      await repository.pin(sourceId(repository.display, spec), revisions)
    } catch (error) {
      // What is in force stays so: only a restart without Git would miss it.
      if (!this.stopping.signal.aborted) this.options.onError(asGitError(error))
    }
  }

  private succeed(): void {
    this.fetchedAt = Date.now()
    if (this.failure) this.since = this.fetchedAt
    this.failure = undefined
    this.failures = 0
  }

  private accept(loaded: LoadedSource, spec: SourceSpec): void {
    if (this.stopping.signal.aborted) return
    this.current = loaded
    this.loadedWith = spec
    this.options.onState(loaded)
  }

  private fail(error: GitError): void {
    if (!this.failure) this.since = Date.now()
    this.failure = error
    this.failures++
    this.options.onError(error)
  }
}

function asGitError(error: unknown): GitError {
  return error instanceof GitError ? error : new GitError('failed', String(error), { cause: error })
}

/** Waits no longer once the signal is given; what others wait for goes on. */
async function abandonOn<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => {
    reject(new GitError('aborted', 'stopped'))
  }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
