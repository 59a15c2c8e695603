import type { Change } from '../../model/change.ts'
import type { Declared, Policy } from '../../model/policy.ts'
import { controllersOf } from '../actors.ts'
import { unpermitted } from '../declared-change.ts'
import { isBreakGlass, isGuardObject } from '../guard-objects.ts'
import { jobsFor } from '../jobs.ts'
import { insteadInGit, mayNot, summary, who } from '../reason.ts'
import type { Rule, RuleVerdict } from '../rule.ts'
import { maskChanges } from '../../object/mask.ts'
import { scaleDenied } from '../scale.ts'

/**
 * Kubernetes' own controllers do their job, each its own (system-controllers.ts): on what Git declares they write the
 * fields of that job and nothing else, and delete what follows from a permitted delete. What Git does not declare is
 * between them and RBAC; so they make the Pods of Deployments, whatever account these run as. The guard's own objects
 * are held to the same table, so that nobody reaches them through a controller.
 */
export const systemController: Rule = (change, policy) => {
  const controllers = controllersOf(change.actor, policy)
  if (controllers.length === 0) return undefined
  const reason = `${who(change)} does its job`
  const declared = policy.declared(change.ref)
  if (declared === undefined) {
    const kept = isGuardObject(change.ref, policy) || isBreakGlass(change.ref)
    const denied = kept && !isChild(change) && outsideJob(change, policy)
    if (!denied) return { rule: 'system-controller', decision: 'allow', reason }
    return {
      rule: 'system-controller',
      decision: 'deny',
      everywhere: true,
      reason: `${mayNot(change)}: it is part of the guard, and no part of this controller's job.`,
    }
  }
  return (
    onDeclared(change, policy, declared) ?? { rule: 'system-controller', decision: 'allow', reason, declared }
  )
}

function onDeclared(change: Change, policy: Policy, declared: Declared): RuleVerdict | undefined {
  const object = declared.canonical()?.object ?? declared.manifest.object
  const deny = (why: string, changes: RuleVerdict['changes'] = []): RuleVerdict => ({
    rule: 'system-controller',
    decision: 'deny',
    reason: `${mayNot(change)}: ${why} ${insteadInGit(declared)}`,
    changes,
    declared,
  })
  if (change.operation === 'CONNECT') return undefined
  if (change.operation === 'UPDATE') {
    if (change.subresource === 'approval')
      return jobsFor(change, policy, object).length > 0 ? undefined : deny('not its job.')
    const denied =
      change.subresource === 'scale'
        ? scaleDenied(change, declared, policy)
        : unpermitted(change, declared, policy)
    if (denied.length === 0) return undefined
    const masked = maskChanges(change.ref, denied)
    return deny(`${summary(masked)} is not Git's state and not this controller's job.`, masked)
  }
  if (jobsFor(change, policy, object).length > 0) return undefined
  if (change.operation === 'CREATE' && change.subresource !== '') return undefined
  if (change.operation === 'CREATE' && unpermitted(change, declared, policy).length === 0) return undefined
  return deny(`Git declares it, and that is no part of this controller's job.`)
}

/** Children of the guard's Deployment and what Kubernetes keeps in every namespace. */
const childKinds = new Set([
  'Pod',
  'apps/ReplicaSet',
  'apps/ControllerRevision',
  'Endpoints',
  'discovery.k8s.io/EndpointSlice',
  'Event',
  'events.k8s.io/Event',
  'coordination.k8s.io/Lease',
])

function isChild({ ref }: Change): boolean {
  return childKinds.has(ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`)
}

function outsideJob(change: Change, policy: Policy): boolean {
  if (change.subresource !== '' || change.operation === 'CONNECT') return false
  // What controllers note on it is no part of what the guard is: only deletes and specs matter here.
  const jobs = jobsFor(change, policy, change.before)
  if (change.operation === 'DELETE') return jobs.length === 0
  return false
}
