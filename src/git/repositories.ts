/** All repositories of a guard: sources of one URL with the same credentials share one, and so its questions to the server. */
import type { GitAuth } from './credentials.ts'
import { parseGitUrl } from './git-url.ts'
import { Repository } from './repository.ts'
import type { RepositoryOptions } from './repository.ts'

export class Repositories {
  private readonly options: Omit<RepositoryOptions, 'url' | 'auth'>
  private readonly opened: { url: string; auth: GitAuth | undefined; repository: Repository }[] = []

  constructor(options: Omit<RepositoryOptions, 'url' | 'auth'>) {
    this.options = options
  }

  /** Credentials are the same when they are the same object. Throws GitError `refused`. */
  open(url: string, auth?: GitAuth): Repository {
    const { fetch } = parseGitUrl(url)
    const known = this.opened.find((other) => other.url === fetch && other.auth === auth)
    if (known) return known.repository
    const repository = new Repository({ ...this.options, url, auth })
    this.opened.push({ url: fetch, auth, repository })
    return repository
  }

  /** Ends all that is under way. */
  async stop(): Promise<void> {
    await Promise.all(this.opened.map(({ repository }) => repository.stop()))
  }
}
