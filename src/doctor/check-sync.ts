import { serviceAccount } from '../policy/actors.ts'
import type { Facts, SyncedKind } from './facts.ts'
import type { Finding } from './finding.ts'
import { allows, grantsOf } from './grants.ts'
import type { Grant } from './grants.ts'

/** To apply, keep and delete. */
const VERBS = ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'] as const

/** Which rights the guard lacks to bring in the sources that it is the agent of, one finding a source. */
export function checkSync({ rbac, policy, syncedKinds = [] }: Facts): Finding[] {
  if (rbac === undefined) return []
  const { username, namespace } = policy.guard
  const groups = ['system:authenticated']
  if (serviceAccount(username) !== undefined)
    groups.push('system:serviceaccounts', `system:serviceaccounts:${namespace}`)
  const grants = grantsOf(rbac)
    .filter(({ subject: { kind, name } }) => (kind === 'User' ? name === username : groups.includes(name)))
    .flatMap((one) => one.grants)
  const lacking = Map.groupBy(
    syncedKinds.flatMap((kind) => {
      const verbs = VERBS.filter((verb) => !kind.namespaces.every((where) => may(grants, verb, kind, where)))
      return verbs.length === 0 ? [] : [{ ...kind, verbs }]
    }),
    ({ source }) => source,
  )
  return [...lacking].map(([source, kinds]) => ({
    check: 'sync-rights',
    severity: 'critical',
    subject: `source ${source}`,
    what: `the guard brings it in and may not ${kinds.map(({ resource, group, verbs }) => `${verbs.join(', ')} ${group === '' ? resource : `${resource}.${group}`}`).join('; ')}`,
    why: 'what it may not write is not applied, and what it may not delete stays when Git drops it',
    remedy: 'run gitops-guard install again with this configuration: it gives the rights that Git needs now',
  }))
}

function may(
  grants: readonly Grant[],
  verb: string,
  { group, resource }: SyncedKind,
  where: string,
): boolean {
  return grants.some(
    ({ namespace, rules }) =>
      (namespace === undefined || namespace === where) &&
      rules.some(
        (rule) => rule.names.length === 0 && allows(rule, { verbs: [verb], group, resources: [resource] }),
      ),
  )
}
