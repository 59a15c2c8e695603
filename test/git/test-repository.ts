/** A real Git repository in a temporary folder, written to by real git. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

export interface TestRepository {
  /** Folder for everything of the test, removed after it. */
  base: string
  /** The work tree. */
  path: string
  stateDir: string
  git(...args: string[]): string
  write(file: string, content: string | Buffer): void
  symlink(file: string, target: string): void
  /** Commits all that was written, and returns the commit's hash. */
  commit(message?: string): string
}

export function testRepository(context: Pick<TestContext, 'after'>): TestRepository {
  const base = mkdtempSync(join(tmpdir(), 'gitops-guard-git-'))
  context.after(() => {
    rmSync(base, { recursive: true, force: true })
  })
  const path = join(base, 'work')
  mkdirSync(path)
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
      cwd: path,
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    })
      .toString()
      .trim()
  git('init', '--quiet', '--initial-branch=main')
  const place = (file: string) => {
    const target = join(path, file)
    mkdirSync(dirname(target), { recursive: true })
    return target
  }
  return {
    base,
    path,
    stateDir: join(base, 'state'),
    git,
    write: (file, content) => {
      writeFileSync(place(file), content)
    },
    symlink: (file, target) => {
      symlinkSync(target, place(file))
    },
    commit: (message = 'change') => {
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '-m', message)
      return git('rev-parse', 'HEAD')
    },
  }
}

/** A ConfigMap as YAML. */
export function configMap(name: string, value = 'x', namespace = 'shop'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\ndata:\n  key: ${JSON.stringify(value)}\n`
}

/** Until the test ends, temporary files of this process are made in `folder`, so that what is left can be seen. */
export function privateTemporaryFolder(context: Pick<TestContext, 'after'>, folder: string): void {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  context.after(() => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  })
}
