import { runCommand } from '../control-plane/run-command.ts'
import type { Progress } from '../control-plane/progress.ts'

const sayProgress: Progress = (line) => process.stderr.write(`agents: ${line}\n`)

/** The redis-server that Argo CD needs: on the PATH, else installed where this is Debian's root. */
export async function findRedis(progress: Progress = sayProgress): Promise<string> {
  if (await works()) return 'redis-server'
  const remedy = 'install it (Debian and Ubuntu: apt-get install redis-server)'
  if (process.getuid?.() !== 0 || !(await exists('apt-get')))
    throw new Error(`Argo CD needs redis-server, which is not on the PATH: ${remedy}`)
  progress('installing redis-server')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  // Its service is not wanted: nothing is to be started by installing it.
  const install = ['install', '-y', '--no-install-recommends', 'redis-server', '-o', 'Dpkg::Use-Pty=0']
  for (const args of [['update', '-qq'], install]) {
    const { code, stderr } = await runCommand('apt-get', args, { env, timeoutMs: 5 * 60_000 })
    if (code !== 0)
      throw new Error(`redis-server cannot be installed: ${remedy}. apt-get said: ${stderr.slice(-1000)}`)
  }
  if (!(await works())) throw new Error(`redis-server was installed and does not run: ${remedy}`)
  return 'redis-server'
}

async function works(): Promise<boolean> {
  const { code } = await runCommand('redis-server', ['--version']).catch(() => ({ code: 127 }))
  return code === 0
}

async function exists(command: string): Promise<boolean> {
  const { code } = await runCommand(command, ['--version']).catch(() => ({ code: 127 }))
  return code === 0
}
