import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { findGo } from './find-go.ts'
import { withProgress, type Progress } from './progress.ts'
import { runCommand } from './run-command.ts'

const BUILD_MS = 40 * 60_000

export interface GoBuild {
  /** For people: `flagger v1.36.1`. */
  what: string
  /** The package, and the folder of the Go module that pins it. */
  main: string
  directory: string
  /** For the linker. */
  flags: readonly string[]
  /** The executable: it appears only when it is complete. */
  file: string
  usualSeconds: number
  progress: Progress
  env?: NodeJS.ProcessEnv
}

/** Builds a program from pinned Go modules. Others on the machine come first. */
export async function goBuild(build: GoBuild): Promise<void> {
  const { what, main, directory, flags, file, usualSeconds, progress, env = process.env } = build
  const go = await findGo(env)
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  const args = ['build', '-buildvcs=false', '-trimpath', '-ldflags', flags.join(' '), '-o', temporary, main]
  const [command, niced] =
    process.platform === 'win32' ? [go.command, args] : ['nice', ['-n', '19', go.command, ...args]]
  progress(`building ${what} from source, about ${usualSeconds} s on two cores`)
  try {
    const { code, stderr, ms } = await withProgress(
      runCommand(command, niced, {
        cwd: directory,
        env: { ...go.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
        timeoutMs: BUILD_MS,
      }),
      {
        progress,
        line: (seconds) => `building ${what}: ${seconds} s so far, of about ${usualSeconds} s`,
        everyMs: 15_000,
      },
    )
    if (code !== 0) throw new Error(`cannot build ${what} with ${go.version}: ${stderr.slice(-4000).trim()}`)
    await rename(temporary, file)
    progress(`built ${what} in ${Math.round(ms / 1000)} s`)
  } finally {
    await rm(temporary, { force: true })
  }
}
