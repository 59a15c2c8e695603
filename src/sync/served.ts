import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../model/json.ts'
import type { ResourceInfo } from '../model/identity.ts'
import { fieldOf } from '../object/json.ts'
import { readinessOf } from './readiness.ts'

interface Discovery {
  refresh(): Promise<boolean>
  resourceFor(group: string, kind: string): ResourceInfo | undefined
}

/**
 * Resolves when the API server serves the kind that a CustomResourceDefinition defines; a definition is established a moment after it is
 * there, and served a moment after that.
 *
 * @param read the definition as it is now; undefined where it is gone
 * @throws Error where it is not served in `patienceMs`
 */
export async function untilServed(
  definition: KubeObject,
  read: () => Promise<KubeObject | undefined>,
  discovery: Discovery,
  patienceMs = 10_000,
): Promise<void> {
  const group = String(fieldOf(definition['spec'], 'group'))
  const kind = String(fieldOf(fieldOf(definition['spec'], 'names'), 'kind'))
  const deadline = performance.now() + patienceMs
  for (let pauseMs = 50; ; pauseMs = Math.min(1_000, pauseMs * 2)) {
    const live = await read()
    const readiness = live === undefined ? undefined : readinessOf(live)
    if (readiness?.ready) {
      await discovery.refresh()
      if (discovery.resourceFor(group, kind) !== undefined) return
    }
    if (performance.now() > deadline || (readiness?.ready === false && readiness.failed)) {
      const why = readiness?.ready === false ? readiness.why : 'the API server does not serve it'
      throw new Error(`${kind} of ${group} is not there: ${why}`)
    }
    await sleep(pauseMs)
  }
}
