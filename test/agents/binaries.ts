import { access, constants, mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { withDirectoryLock } from '../control-plane/directory-lock.ts'
import { findGo } from '../control-plane/find-go.ts'
import { platform } from '../control-plane/platform.ts'
import { withProgress, type Progress } from '../control-plane/progress.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { agentBuild, type AgentBuild, type AgentName } from './agents.ts'

const BUILD_MS = 40 * 60_000

/** Progress for a person at a terminal or in a CI log: a line each on standard error. */
export const sayProgress: Progress = (line) => {
  process.stderr.write(`agents: ${line}\n`)
}

/** The executable of an agent: from the cache, else built from its pinned Go module, once. */
export async function findAgent(name: AgentName, progress: Progress = sayProgress): Promise<string> {
  const build = agentBuild(name)
  const directory = agentDirectory(build)
  const file = join(directory, process.platform === 'win32' ? `${name}.exe` : name)
  if (await isExecutable(file)) return file
  await withDirectoryLock(`${directory}.lock`, progress, async () => {
    if (!(await isExecutable(file))) await buildAgent(build, file, progress)
  })
  return file
}

/** Where one version of an agent is kept between runs. */
export function agentDirectory(
  { name, version }: Pick<AgentBuild, 'name' | 'version'>,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const cache = env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(cache, 'gitops-guard', 'agents', `${name}-${version}-${platform()}`)
}

/** It appears in the cache only when it is complete. Others on the machine come first. */
async function buildAgent(build: AgentBuild, file: string, progress: Progress): Promise<void> {
  const { name, version, main, directory, usualSeconds, stamps } = build
  const go = await findGo()
  await mkdir(agentDirectory(build), { recursive: true })
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
