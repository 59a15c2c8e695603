import type { Json, KubeObject } from '../model/json.ts'
import type { GuardIdentity } from '../model/policy.ts'
import { fieldOf } from '../object/json.ts'
import { serviceAccount } from './actors.ts'

/** Of the guard's own FlowSchema (deploy/flow-schema.yaml): of two that match, the lower number counts. */
const OWN_PRECEDENCE = 1000

/**
 * Whether a FlowSchema would queue the guard's requests somewhere else than its own does: then whoever made it decides how
 * soon the guard puts anything back.
 */
export function takesOver(schema: KubeObject | undefined, guard: GuardIdentity): boolean {
  const spec = schema?.['spec']
  const precedence = fieldOf(spec, 'matchingPrecedence') ?? OWN_PRECEDENCE
  if (typeof precedence !== 'number' || precedence > OWN_PRECEDENCE) return false
  // The level that queues nothing.
  if (fieldOf(fieldOf(spec, 'priorityLevelConfiguration'), 'name') === 'exempt') return false
  return list(fieldOf(spec, 'rules')).some((rule) =>
    list(fieldOf(rule, 'subjects')).some((subject) => isGuard(subject, guard)),
  )
}

function isGuard(subject: Json, { username }: GuardIdentity): boolean {
  const account = serviceAccount(username)
  const name = fieldOf(fieldOf(subject, 'user') ?? fieldOf(subject, 'group'), 'name')
  switch (fieldOf(subject, 'kind')) {
    case 'User':
      return name === '*' || name === username
    case 'Group':
      return (
        name === '*' ||
        name === 'system:authenticated' ||
        (account !== undefined &&
          (name === 'system:serviceaccounts' || name === `system:serviceaccounts:${account.namespace}`))
      )
    case 'ServiceAccount': {
      const named = fieldOf(subject, 'serviceAccount')
      const wanted = fieldOf(named, 'name')
      return (
        account !== undefined &&
        fieldOf(named, 'namespace') === account.namespace &&
        (wanted === '*' || wanted === account.name)
      )
    }
    default:
      return false
  }
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}
