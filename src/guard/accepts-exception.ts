import { fieldOf } from '../object/json.ts'
import type { GuardIdentity } from '../model/policy.ts'
import { maxBreakGlass, ownProblem } from '../policy/break-glass-object.ts'
import type { Exception } from './exceptions.ts'

/** Between the clock of whoever wrote it and this one, in milliseconds. */
const LENIENCE_MS = 60_000

/** An exception may have been written while nobody judged: then what admission asks of one is asked here. */
export function acceptsException(
  { name, namespace, expiresAt, object }: Exception,
  { guard, maxDuration, now }: { guard: GuardIdentity; maxDuration: number; now: number },
): boolean {
  const longest = Math.max(maxBreakGlass, maxDuration)
  if (expiresAt > now + longest + LENIENCE_MS) return false
  if (namespace !== guard.namespace) return true
  return ownProblem(name, fieldOf(object['spec'], 'objects'), { guard }) === undefined
}
