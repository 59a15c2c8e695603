import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { goToolchain, goVersion, kubernetesVersion } from './pins.ts'

/** A Go command that can build the control plane, and the environment to run it in. */
export interface Go {
  command: string
  version: string
  env: NodeJS.ProcessEnv
}

/**
 * Finds a Go that can build the pinned Kubernetes. One that is new enough is used as it is; an older one (1.21 or
 * newer) fetches the right toolchain by itself when told to, also where GOTOOLCHAIN=local is set.
 */
export async function findGo(env: NodeJS.ProcessEnv = process.env): Promise<Go> {
  const command = env.GO || 'go'
  const installed = await localVersion(command, env)
  if (installed === undefined) {
    throw new Error(
      `no Go found (looked for "${command}" on the PATH): install Go 1.21 or newer, it fetches ${goToolchain} by itself`,
    )
  }
  if (isAtLeast(installed, goVersion))
    return { command, version: installed, env: { ...env, GOTOOLCHAIN: 'local' } }
  if (isAtLeast(installed, '1.21'))
    return { command, version: goToolchain, env: { ...env, GOTOOLCHAIN: goToolchain } }
  throw new Error(
    `Go 1.21 or newer is needed to build Kubernetes ${kubernetesVersion}: "${command}" is ${installed}`,
  )
}

async function localVersion(command: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const options = { env: { ...env, GOTOOLCHAIN: 'local' }, cwd: '/' }
    const { stdout } = await promisify(execFile)(command, ['env', 'GOVERSION'], options)
    return stdout.trim()
  } catch {
    return undefined
  }
}

function isAtLeast(version: string, minimum: string): boolean {
  const [a, b] = [version, minimum].map((text) => (text.match(/\d+/g) ?? []).map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}
