import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Lets V8's young generation stay as it is now. Reading thousands of manifests would let it grow to its limit, and it does not shrink
 * while little happens: measured with 2,000 objects, 290 MiB resident instead of 160, for no less work.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

/**
 * Gives back what a start left behind: V8 would keep it for as long as little is allocated, which at rest is always. It
 * stops everything for a moment (about 0.1 s for 10,000 objects), so it is for a moment at which nothing is asked.
 */
export function releaseGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}
