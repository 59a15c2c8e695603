import type { DesiredState } from '../model/desired.ts'
import { stringifyJson } from '../object/json.ts'
import type { GitAuth } from '../git/credentials.ts'
import { SourceFollower, type FollowStatus } from '../git/follow.ts'
import type { GitError } from '../git/git-error.ts'
import { Repositories } from '../git/repositories.ts'
import type { Repository } from '../git/repository.ts'
import { sameRepository } from '../git/same-repository.ts'
import type { SourceSpec } from '../git/source-spec.ts'
import type { Refresh, Tip } from '../reconcile/ahead.ts'

/** A source to follow. */
export interface SourceInput {
  spec: SourceSpec
  url: string
  auth?: GitAuth | undefined
  /** Milliseconds between questions to the server. */
  poll: number
  /** The commit that is read first, full hash. */
  startAt?: string | undefined
}

export interface SourcesOptions {
  stateDir: string
  /** What git may see of the environment. */
  environment: Readonly<Record<string, string | undefined>>
  onState(state: DesiredState): void
  onError(source: string, error: GitError): void
}

/** Every source, each followed; one clone for all sources of one repository. */
export class Sources implements Tip, Refresh {
  readonly #options: SourcesOptions
  readonly #repositories: Repositories
  #started = false
  #setting: Promise<void> = Promise.resolve()
  readonly #followers = new Map<
    string,
    { input: SourceInput; repository: Repository; follower: SourceFollower }
  >()

  constructor(inputs: readonly SourceInput[], options: SourcesOptions) {
    this.#options = options
    const { stateDir, environment } = options
    this.#repositories = new Repositories({ stateDir, environment })
    for (const input of inputs) this.#add(input)
  }

  start(): void {
    this.#started = true
    for (const { follower } of this.#followers.values()) follower.start()
  }

  /**
   * These are followed from now on. One that is read otherwise than before goes on from what is known of it; what is no longer among them ends
   * before this resolves.
   */
  set(inputs: readonly SourceInput[]): Promise<void> {
    // One after the other: the last one counts.
    this.#setting = this.#setting.then(() => this.#set(inputs))
    return this.#setting
  }

  async #set(inputs: readonly SourceInput[]): Promise<void> {
    const wanted = new Map(inputs.map((input) => [input.spec.name, input]))
    const ending: Promise<void>[] = []
    for (const [name, { input, follower }] of this.#followers) {
      const now = wanted.get(name)
      if (now !== undefined && now.url === input.url && now.auth === input.auth && now.poll === input.poll)
        continue
      this.#followers.delete(name)
      ending.push(follower.stop())
    }
    await Promise.all(ending)
    for (const [name, input] of wanted) {
      const known = this.#followers.get(name)
      if (known === undefined) this.#add(input)
      else if (stringifyJson(known.input.spec) !== stringifyJson(input.spec)) {
        known.input = input
        void known.follower.follow(input.spec)
      }
    }
  }

  /** Asks Git about one, and resolves when what it has is in force or cannot be. */
  async settled(source: string): Promise<void> {
    await this.#followers.get(source)?.follower.refresh()
  }

  /** Milliseconds and errors, by source. */
  statuses(): Map<string, FollowStatus> {
    return new Map([...this.#followers].map(([name, { follower }]) => [name, follower.status()]))
  }

  tip(source: string): Promise<string> {
    const { input, repository } = this.#get(source)
    return repository.tip(input.spec.ref)
  }

  async refresh(source: string): Promise<string> {
    const { follower } = this.#get(source)
    await follower.refresh()
    const { revision, lastError } = follower.status()
    if (revision === undefined)
      throw new Error(`source ${source} was never read: ${lastError?.message ?? 'not yet'}`)
    return revision
  }

  /** A push to a repository, known by any of its URLs: its sources are asked now. Returns their names. */
  pushed(urls: readonly string[]): string[] {
    const names: string[] = []
    for (const [name, { input, follower }] of this.#followers) {
      if (!urls.some((url) => sameRepository(url, input.url))) continue
      names.push(name)
      void follower.refresh()
    }
    return names
  }

  /** After it resolves nothing is called and no git runs. */
  async stop(): Promise<void> {
    await this.#setting
    const followers = [...this.#followers.values()].map(({ follower }) => follower.stop())
    await Promise.all([...followers, this.#repositories.stop()])
  }

  #add(input: SourceInput): void {
    const { stateDir, onState, onError } = this.#options
    const repository = this.#repositories.open(input.url, input.auth)
    const { spec, poll, startAt } = input
    const follower = new SourceFollower({
      spec,
      repository,
      stateDir,
      poll,
      startAt,
      onState,
      onError: (error) => onError(spec.name, error),
    })
    this.#followers.set(spec.name, { input, repository, follower })
    if (this.#started) follower.start()
  }

  #get(source: string) {
    const found = this.#followers.get(source)
    if (found === undefined) throw new Error(`there is no source ${source}`)
    return found
  }
}
