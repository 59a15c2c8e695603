import type { Change } from '../../model/change.ts'
import type { Json } from '../../model/json.ts'
import type { Policy } from '../../model/policy.ts'
import { difference } from '../../object/difference.ts'
import { equalJson, fieldOf } from '../../object/json.ts'
import { compileFields, type FieldMatcher } from '../../object/fields.ts'
import { withoutServerMetadata } from '../../object/metadata.ts'
import { matchesPattern } from '../../object/selectors.ts'
import { isPerson, isSystem, serviceAccount } from '../actors.ts'
import { allAgents } from '../agents.ts'
import { isKind, kindOf } from '../kinds.ts'
import { permitted, allPermitted } from '../permitted.ts'
import { agentPreset, type AgentPreset } from '../presets/agents.ts'
import { exception, mayNot } from '../reason.ts'
import type { Rule } from '../rule.ts'
import { getsOwner, isStatusAlone } from '../side-effects.ts'

/**
 * What tells an agent what to do is worth as much as the agent: pointed at another repository, or suspended, it brings
 * in something else or nothing. So the resources of Flux, Argo CD and their like, wherever they are, and the Secrets,
 * ConfigMaps, accounts, workloads, quotas and network policies of the namespaces where they run, are not changed by hand,
 * declared or not. Their status is part of it: Flux applies what a GitRepository's status points at. Their definitions are not
 * deleted: with a Kustomization goes all that it brought in.
 *
 * The product's own controllers may write what they reconcile, service accounts may keep Secrets and ConfigMaps there
 * (external secrets, certificates), an allowance may say more, and anybody may ask an agent to look again.
 */
export const agentInputs: Rule = (change, policy) => {
  if (change.operation === 'CONNECT' || isSystem(change.actor, policy)) return undefined
  for (const { preset, namespaces } of configured(policy)) {
    const input = [kindOf(change.ref), endedKind(change)].some(
      (kind) => kind !== undefined && preset.inputs.some((pattern) => matchesPattern(pattern, kind)),
    )
    const local = !input && (isHome(change, namespaces) || isLocalTo(change, namespaces))
    if (!input && !local) continue
    if (local && !isPerson(change.actor, policy) && !actsForPeople(change, namespaces)) continue
    if (isCompanion(change, preset, namespaces) || isNudge(change, preset) || isAllowed(change, policy))
      return undefined
    const what = input ? `it tells ${preset.title} what to bring in` : `${preset.title} runs on it`
    return {
      rule: 'agent-inputs',
      decision: 'deny',
      everywhere: true,
      reason: `${mayNot(change)}: ${what}. Change it in the repository that it came from.${exception(change.ref, policy)}`,
    }
  }
  return undefined
}

interface Configured {
  preset: AgentPreset
  namespaces: ReadonlySet<string>
}

const presets = new WeakMap<Policy, readonly Configured[]>()

/** Presets in use that have inputs, with the namespaces that their accounts are in. */
function configured(policy: Policy): readonly Configured[] {
  let found = presets.get(policy)
  if (found === undefined) {
    found = allAgents(policy).flatMap(({ name, users }) => {
      const preset = agentPreset(name)
      if (preset === undefined || preset.inputs.length === 0) return []
      const namespaces = users
        .flatMap((user) => serviceAccount(user)?.namespace ?? [])
        .filter((namespace) => preset.namespaces.includes(namespace) || !namespace.startsWith('kube-'))
      return [{ preset, namespaces: new Set(preset.dedicated ? namespaces : []) }]
    })
    presets.set(policy, found)
  }
  return found
}

/** Kinds that an agent's namespace is made of; a Lease is how it is elected. What it reports (Events) is nobody's input. */
const localKinds = new Set([
  'Secret',
  'ConfigMap',
  'ServiceAccount',
  'Service',
  'Endpoints',
  'discovery.k8s.io/EndpointSlice',
  'Pod',
  'PersistentVolumeClaim',
  'ResourceQuota',
  'LimitRange',
  'networking.k8s.io/NetworkPolicy',
  'apps/Deployment',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/ReplicaSet',
  'batch/Job',
  'batch/CronJob',
  'coordination.k8s.io/Lease',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/RoleBinding',
])

/** The namespace itself: with it the agent goes, and Pod Security can keep its Pods from coming back. */
function isHome(change: Change, homes: ReadonlySet<string>): boolean {
  const { ref, operation, subresource, before, after } = change
  if (!isKind(ref, '', 'Namespace') || !homes.has(ref.name)) return false
  if (operation === 'DELETE' || subresource === 'finalize' || getsOwner(change)) return true
  if (operation !== 'UPDATE') return false
  const security = (object: typeof after) =>
    Object.entries(fieldOf(object?.metadata, 'labels') ?? {}).filter(([key]) =>
      key.startsWith('pod-security.kubernetes.io/'),
    )
  return !equalJson(security(before) as Json, security(after) as Json)
}

/** The kind whose objects all go with their definition, and what an agent brought in with them where it prunes. */
function endedKind(change: Change): string | undefined {
  if (!isKind(change.ref, 'apiextensions.k8s.io', 'CustomResourceDefinition')) return undefined
  if (change.operation !== 'DELETE' && !getsOwner(change)) return undefined
  const spec = change.before?.['spec']
  return kindOf({
    group: String(fieldOf(spec, 'group')),
    kind: String(fieldOf(fieldOf(spec, 'names'), 'kind')),
  })
}

function isLocalTo(change: Change, namespaces: ReadonlySet<string>): boolean {
  return namespaces.has(change.ref.namespace) && isLocal(change)
}

function isLocal(change: Change): boolean {
  const { ref, subresource, operation } = change
  // To restart an agent changes nothing of what it does: rule `children` decides where Git declares it.
  if (ref.kind === 'Pod' && operation === 'DELETE') return false
  return localKinds.has(kindOf(ref)) && !isStatusAlone(change) && subresource !== 'eviction'
}

/** argocd-server writes what people tell it in its UI: under its name is anybody who may log in. */
function actsForPeople({ actor }: Change, namespaces: ReadonlySet<string>): boolean {
  const account = serviceAccount(actor.username)
  return account !== undefined && namespaces.has(account.namespace) && account.name === 'argocd-server'
}

function isCompanion({ actor, ref }: Change, preset: AgentPreset, namespaces: ReadonlySet<string>): boolean {
  const account = serviceAccount(actor.username)
  if (account === undefined || !actor.authenticated) return false
  const kind = kindOf(ref)
  return preset.companions.some(
    ({ users, kinds }) =>
      users.some((user) => {
        const named = serviceAccount(user)!
        return (
          named.name === account.name &&
          (named.namespace === account.namespace || namespaces.has(account.namespace))
        )
      }) && kinds.some((pattern) => matchesPattern(pattern, kind) || pattern === `${kind}/${ref.name}`),
  )
}

const nudges = new WeakMap<AgentPreset, FieldMatcher>()

function isNudge(change: Change, preset: AgentPreset): boolean {
  if (change.operation !== 'UPDATE' || change.subresource !== '' || preset.nudges.length === 0) return false
  if (change.before === undefined || change.after === undefined) return false
  let fields = nudges.get(preset)
  if (fields === undefined) nudges.set(preset, (fields = compileFields(preset.nudges)))
  const changes = difference(withoutServerMetadata(change.before), withoutServerMetadata(change.after))
  return changes.every(({ path }) => fields.covers(path))
}

function isAllowed(change: Change, policy: Policy): boolean {
  if (change.operation === 'UPDATE' && change.before !== undefined && change.after !== undefined) {
    const changes = difference(withoutServerMetadata(change.before), withoutServerMetadata(change.after))
    return changes.length > 0 && allPermitted(change, policy, changes)
  }
  return permitted(change, policy, ['spec']) || permitted(change, policy, ['data'])
}
