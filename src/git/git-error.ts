/** Why git could not do something, in words for people, without secrets. */

export type GitErrorReason =
  | 'refused' // an argument that must not reach git
  | 'missing' // no such branch, tag, commit or path
  | 'empty' // a repository without commits
  | 'auth' // the server wants other credentials
  | 'unreachable' // no answer, or none of a git server
  | 'timeout'
  | 'aborted'
  | 'corrupt' // the clone on this disk
  | 'unsigned' // or signed by someone else
  | 'failed' // anything else

export class GitError extends Error {
  override name = 'GitError'
  readonly reason: GitErrorReason

  constructor(reason: GitErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}
