import { guardingPolicies, type PolicyFacts } from '../admission/policies.ts'
import type { ResourceKey } from '../admission/configuration.ts'
import { guardIdentity, type Settings } from '../guard/settings.ts'
import type { DesiredState } from '../model/desired.ts'
import type { JsonObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { indexDesired } from '../policy/snapshot.ts'

/** The guard's account and namespace in `deploy/`. */
export const GUARD = guardIdentity('system:serviceaccount:gitops-guard:gitops-guard', 'gitops-guard')

/** What the guarding policies are made from, without a running guard: a configuration and what its sources declare now. */
export function policyFacts(
  settings: Pick<Settings, 'agents' | 'allowances' | 'sources'>,
  states: readonly DesiredState[],
  declared: readonly ResourceKey[],
): PolicyFacts {
  const sources = settings.sources.map(({ policy, namespace }, index) => ({
    policy,
    ...(namespace === undefined ? {} : { namespace }),
    ...(states[index] === undefined ? {} : { state: states[index] }),
  }))
  const index = indexDesired(sources, { canonical: () => undefined, shape: () => undefined })
  const policy: Policy = {
    mode: 'enforce',
    guard: GUARD,
    agents: settings.agents,
    allowances: settings.allowances,
    sharedControllerIdentity: false,
    connect: 'allow',
    children: 'allow',
    modes: [],
    breakGlass: [],
    ...index,
  }
  return { policy, namespaces: [...new Set([...index.namespaces(), GUARD.namespace])].toSorted(), declared }
}

/**
 * What `deploy/guarding-policy.yaml` holds: the policies of a configuration that names nothing, in bindings that refuse
 * nothing yet, as the webhook configuration is an empty shell. The guard sets `Deny` when it runs and knows its agents:
 * before, an agent that applies `deploy/` would lock itself out.
 */
export function shellPolicies(): JsonObject[] {
  const made = guardingPolicies(policyFacts({ agents: [], allowances: [], sources: [] }, [], []))
  return made.map((object) =>
    object.kind === 'ValidatingAdmissionPolicyBinding'
      ? { ...object, spec: { ...(object.spec as JsonObject), validationActions: ['Audit'] } }
      : object,
  )
}
