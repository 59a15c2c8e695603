import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDirectory } from '../control-plane/cache-directory.ts'
import { runCommand } from '../control-plane/run-command.ts'

/** Prometheus' own checker: of the PATH, or from Debian's package, unpacked once into the cache. Undefined where neither is to be had. */
export async function promtool(): Promise<string | undefined> {
  const found = await runCommand('sh', ['-c', 'command -v promtool'])
  if (found.code === 0) return found.stdout.trim()
  const folder = cacheDirectory('promtool')
  const program = join(folder, 'usr/bin/promtool')
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  const got = await runCommand('apt-get', ['download', 'prometheus'], { cwd: folder }).catch(() => undefined)
  const deb = readdirSync(folder).find((name) => name.endsWith('.deb'))
  if (got?.code !== 0 || deb === undefined) return undefined
  const unpack = `dpkg-deb --fsys-tarfile '${deb}' | tar -xf - ./usr/bin/promtool && rm '${deb}'`
  const { code } = await runCommand('sh', ['-c', unpack], { cwd: folder })
  return code === 0 ? program : undefined
}
