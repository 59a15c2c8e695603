import type { ClusterApi } from '../cluster/api.ts'
import { Reflector } from '../cluster/reflector.ts'
import { refKey, refOf } from '../object/identity.ts'
import { BREAK_GLASS } from './exception-status.ts'
import type { Exceptions } from './exceptions.ts'

/** Follows the exceptions that people write. Returns the watch, which runs. */
export function watchExceptions(api: ClusterApi, exceptions: Exceptions): Reflector {
  const seen = new Set<string>()
  const reflector = new Reflector({
    api,
    resource: BREAK_GLASS,
    onListing: () => seen.clear(),
    onEvent: (type, object) => {
      seen.add(refKey(refOf(object)))
      exceptions.observe(type, object)
    },
    onSynced: () => exceptions.listed(seen),
  })
  reflector.start()
  return reflector
}
