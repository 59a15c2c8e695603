import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processEnvironment } from '../config/environment.ts'
import type { GuardConfig } from '../config/types.ts'
import { Repository } from '../git/repository.ts'
import { loadSource } from '../git/source.ts'
import { settingsOf } from '../guard/settings.ts'
import type { DeclaringSource } from './install-guarded.ts'

/**
 * Reads every source once, into a folder that goes again. Throws for a source that cannot be read: its kinds decide what the
 * guard may do.
 */
export async function readDeclared(config: GuardConfig): Promise<DeclaringSource[]> {
  const stateDir = await mkdtemp(join(tmpdir(), 'gitops-guard-install-'))
  const environment = processEnvironment().variables
  try {
    const sources: DeclaringSource[] = []
    for (const { input, policy, sync } of settingsOf(config).sources) {
      const repository = new Repository({ url: input.url, stateDir, auth: input.auth, environment })
      try {
        const { manifests } = await loadSource(input.spec, repository)
        sources.push({ undeclared: policy.undeclared, recreate: policy.recreate, sync, manifests })
      } catch (error) {
        throw new Error(`cannot read what source ${policy.name} declares`, { cause: error })
      } finally {
        await repository.stop()
      }
    }
    return sources
  } finally {
    await rm(stateDir, { recursive: true, force: true })
  }
}
