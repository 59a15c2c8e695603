import { access, constants, mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { withDirectoryLock } from '../control-plane/directory-lock.ts'
import { findGo, type Go } from '../control-plane/find-go.ts'
import { platform } from '../control-plane/platform.ts'
import { withProgress, type Progress } from '../control-plane/progress.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { rendererBuild, type RendererBuild, type RendererProgram } from './renderers.ts'

const BUILD_MS = 30 * 60_000

const sayProgress: Progress = (line) => {
  process.stderr.write(`renderers: ${line}\n`)
}

/**
 * Both programs of their pinned versions: from the cache, else built from their Go modules, once. Resolves with a reason where this
 * machine has neither them nor a Go; throws where it should have been able to build them.
 */
export async function prepareRenderers(
  names: readonly RendererProgram[],
  progress: Progress = sayProgress,
): Promise<Record<string, string> | { cannot: string }> {
  const found: Record<string, string> = {}
  for (const name of names) {
    const build = rendererBuild(name)
    const file = rendererFile(build)
    if (!(await isExecutable(file))) {
      const go = await findGo().catch((error: Error) => error)
      if (go instanceof Error)
        return { cannot: `${name} ${build.version} is not built here, and ${go.message}` }
      await withDirectoryLock(`${dirname(file)}.lock`, progress, async () => {
        if (!(await isExecutable(file))) await buildRenderer(build, { file, go, progress })
      })
    }
    found[name] = file
  }
  return found
}

/** Where the executable of one version is kept between runs; `src/git/renderer-program.ts` looks there too. */
export function rendererFile(
  { name, version }: Pick<RendererBuild, 'name' | 'version'>,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const cache = env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(cache, 'gitops-guard', 'renderers', `${name}-${version}-${platform()}`, name)
}

/** It appears in the cache only when it is complete. Others on the machine come first. */
async function buildRenderer(
  { name, version, main, directory, usualSeconds, stamps }: RendererBuild,
  { file, go, progress }: { file: string; go: Go; progress: Progress },
): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  const flags = ['-s', '-w', ...stamps.map((stamp) => `-X ${stamp}`)].join(' ')
  const args = ['build', '-buildvcs=false', '-trimpath', '-ldflags', flags, '-o', temporary, main]
  const [command, niced] =
    process.platform === 'win32' ? [go.command, args] : ['nice', ['-n', '19', go.command, ...args]]
  const env = { ...go.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }
  progress(`building ${name} ${version} from source, about ${usualSeconds} s on two cores`)
  try {
    const { code, stderr, ms } = await withProgress(
      runCommand(command, niced, { cwd: directory, env, timeoutMs: BUILD_MS }),
      {
        progress,
        line: (seconds) => `building ${name}: ${seconds} s so far, of about ${usualSeconds} s`,
        everyMs: 15_000,
      },
    )
    if (code !== 0)
      throw new Error(`cannot build ${name} ${version} with ${go.version}: ${stderr.slice(-4000).trim()}`)
    await rename(temporary, file)
    progress(`built ${name} in ${Math.round(ms / 1000)} s`)
  } finally {
    await rm(temporary, { force: true })
  }
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
