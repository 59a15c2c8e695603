import { homedir } from 'node:os'
import { join } from 'node:path'
import { platform } from './platform.ts'

/** Where the binaries of one Kubernetes version are kept between runs. */
export function cacheDirectory(version: string, env: NodeJS.ProcessEnv = process.env): string {
  const cache = env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(cache, 'gitops-guard', 'control-plane', `${version}-${platform()}`)
}
