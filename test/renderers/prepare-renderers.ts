import { findGo } from '../control-plane/find-go.ts'
import { findProgram, isBuilt } from '../control-plane/find-program.ts'
import type { Progress } from '../control-plane/progress.ts'
import { rendererProgram, type RendererProgram } from './renderers.ts'

/**
 * The programs of their pinned versions: from the cache, else built from their Go modules, once. Resolves with a reason where this
 * machine has neither them nor a Go; throws where it should have been able to build them.
 */
export async function prepareRenderers(
  names: readonly RendererProgram[],
  progress?: Progress,
): Promise<Record<string, string> | { cannot: string }> {
  const found: Record<string, string> = {}
  for (const name of names) {
    const program = rendererProgram(name)
    if (!(await isBuilt(program))) {
      const go = await findGo().catch((error: Error) => error)
      if (go instanceof Error)
        return { cannot: `${name} ${program.version} is not built here, and ${go.message}` }
    }
    found[name] = await findProgram(program, progress)
  }
  return found
}
