/** Runs one git command through simple-git: with an environment of its own, a deadline, and nothing left behind. */
import { randomUUID } from 'node:crypto'
import { simpleGit } from 'simple-git'
import { GitError } from './git-error.ts'
import { MARK, killMarked } from './process-tree.ts'
import { scrub } from './scrub.ts'

export interface GitCommand {
  /** Where it runs: a directory that exists. */
  directory: string
  args: readonly string[]
  /** The whole environment of git. */
  environment: Readonly<Record<string, string>>
  /** Milliseconds after which git and all its children are killed. */
  timeout: number
  signal?: AbortSignal | undefined
  input?: Buffer | string
  /** Never shown in an error. */
  secrets?: readonly string[]
}

/** A git command that ended with another code than 0. The message is its stderr, scrubbed. */
export class GitExit extends Error {
  override name = 'GitExit'
  readonly exitCode: number

  constructor(exitCode: number, stderr: string) {
    super(stderr || `git ended with exit code ${exitCode}`)
    this.exitCode = exitCode
  }
}

/** stdout as text. Throws GitExit, or GitError (`timeout`, `aborted`). */
export async function runGit(command: GitCommand): Promise<string> {
  return (await run(command, (git) => git.raw([...command.args]))) as string
}

/** stdout of `git cat-file --batch`, which may be any bytes: `args` are what follows `cat-file`. */
export async function runCatFile(command: GitCommand): Promise<Buffer> {
  return (await run(command, (git) => git.binaryCatFile([...command.args]))) as Buffer
}

type SimpleGit = ReturnType<typeof simpleGit>

async function run(command: GitCommand, start: (git: SimpleGit) => PromiseLike<unknown>): Promise<unknown> {
  const { signal, timeout, secrets = [] } = command
  if (signal?.aborted) throw new GitError('aborted', 'stopped before it began')
  const mark = randomUUID()
  let ended: GitError | undefined
  let exited: GitExit | undefined
  let killing: Promise<void> | undefined
  const end = (error: GitError) => {
    ended ??= error
    killing ??= killMarked(mark)
  }
  const timer = setTimeout(() => {
    end(new GitError('timeout', `git ${command.args[0] ?? ''} gave no result within ${timeout / 1000} s`))
  }, timeout)
  const abort = () => {
    end(new GitError('aborted', `git ${command.args[0] ?? ''} was stopped`))
  }
  signal?.addEventListener('abort', abort)
  try {
    return await start(open(command, mark, (exit) => (exited = exit)))
  } catch (error) {
    if (ended) throw ended
    if (exited && /^Error: spawn \S+ ENOENT/.test(exited.message)) {
      throw new GitError('failed', 'cannot run git: it is not installed, or not on the PATH (ENOENT)')
    }
    if (exited) throw new GitExit(exited.exitCode, scrub(exited.message, secrets))
    throw new GitError('failed', scrub(error instanceof Error ? error.message : String(error), secrets))
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    await killing
  }
}

/**
 * simple-git strips and refuses what could make git run a program. The environment here is made by this project alone, so its names are
 * let through; arguments and configuration on the command line stay refused.
 */
function open(
  { directory, environment, input }: GitCommand,
  mark: string,
  onExit: (exit: GitExit) => void,
): SimpleGit {
  const env = { ...environment, [MARK]: mark }
  return simpleGit({
    baseDir: directory,
    ...(input === undefined ? {} : { input: () => input }),
    allowEnvironment: Object.keys(env),
    unsafe: {
      allowUnsafeAskPass: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeSshCommand: true,
      allowUnsafeTemplateDir: true,
    },
    // `exit` can come before the last output was read.
    completion: { onClose: true, onExit: false },
    // By itself simple-git takes a failure without stderr for a success (an unsigned commit in verify-commit).
    errors: (error, { exitCode, stdErr, stdOut }) => {
      if (exitCode === 0) return error
      const text = Buffer.concat(stdErr.length ? stdErr : stdOut).toString('utf8')
      const exit = new GitExit(exitCode, text.trim().slice(0, 4000))
      // What simple-git throws in the end is an error of its own with this one's text.
      onExit(exit)
      return exit
    },
  }).env(env)
}
