import { setFlagsFromString } from 'node:v8'

/**
 * Lets V8's young generation stay as it is now. Reading thousands of manifests would let it grow to its limit, and it does not shrink
 * while little happens: measured with 2,000 objects, 290 MiB resident instead of 160, for no less work.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
