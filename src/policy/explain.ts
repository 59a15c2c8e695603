import type { ObjectRef } from '../model/identity.ts'
import type { Origin } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { Allowance, Policy } from '../model/policy.ts'
import type { Mode } from '../model/verdict.ts'
import { declares, parsePointer } from '../object/path.ts'
import { isInScope } from './break-glass-scope.ts'
import { modeFor } from './modes.ts'
import { isBreakGlass, isGuardObject } from './guard-objects.ts'
import { concerns } from './jobs.ts'
import { place } from './reason.ts'
import { systemControllers } from './system-controllers.ts'
import { watcherAllowances } from './watcher-allowances.ts'

/** Who may do what to an object, and why. */
export interface Explanation {
  object: ObjectRef
  /** What it is to the guard. */
  status: 'declared' | 'guard' | 'undeclared' | 'not-managed'
  /** What is done with a violation. */
  mode: Mode
  /** One sentence each: the place in Git, what happens to changes by anybody else, exceptions that are open. */
  notes: readonly string[]
  source?: string
  origin?: Origin
  /** Those who may change all of it. */
  agents: readonly { name: string; users: readonly string[] }[]
  /** Those who may change some of it. */
  allowances: readonly ExplainedAllowance[]
  /** System controllers that may create or delete it. */
  controllers: readonly { name: string; operations: readonly string[]; reason: string }[]
}

export interface ExplainedAllowance {
  name: string
  reason: string
  users: readonly string[]
  groups?: readonly string[]
  fields: readonly string[]
  ops?: readonly string[]
  /** Only where the manifest leaves the field out. */
  unlessDeclared?: boolean
}

/** What `gitops-guard explain` tells, as data. */
export function explainObject(ref: ObjectRef, policy: Policy): Explanation {
  const declared = policy.declared(ref)
  const sources = policy.sourcesOf(ref.namespace)
  const guard = isGuardObject(ref, policy) && !isBreakGlass(ref)
  const status = declared ? 'declared' : guard ? 'guard' : sources.length > 0 ? 'undeclared' : 'not-managed'
  const agents = declared?.source.agents ?? policy.agents
  return {
    object: ref,
    status,
    mode: modeFor({ ...(declared === undefined ? {} : { declared }), everywhere: guard }, ref, policy),
    notes: [...notes(ref, policy, status), ...exceptions(ref, policy)],
    ...(declared === undefined ? {} : { source: declared.source.name, origin: declared.manifest.origin }),
    agents: agents.map(({ name, users }) => ({ name, users })),
    allowances:
      declared === undefined
        ? []
        : watcherAllowances(policy, declared)
            .filter((allowance) => !isMoot(allowance, declared.manifest.object))
            .map(({ name, reason, users, groups, fields, ops, unlessDeclared }) => ({
              name,
              reason,
              users,
              fields,
              ...(groups === undefined ? {} : { groups }),
              ...(ops === undefined ? {} : { ops }),
              ...(unlessDeclared === undefined ? {} : { unlessDeclared }),
            })),
    controllers:
      declared === undefined
        ? []
        : controllersFor(ref, declared.canonical()?.object ?? declared.manifest.object),
  }
}

/** For what a manifest leaves out, where it leaves none of it out. */
function isMoot({ unlessDeclared, fields }: Allowance, manifest: KubeObject): boolean {
  const spelled = (field: string) => !/[*[]/.test(field) && declares(manifest, parsePointer(field))
  return unlessDeclared === true && fields.every(spelled)
}

function notes(ref: ObjectRef, policy: Policy, status: Explanation['status']): string[] {
  const declared = policy.declared(ref)
  if (declared !== undefined) {
    return [
      `Git declares it: ${place(declared)}, source ${declared.source.name}.`,
      'Anybody may bring it back to what Git says; other changes, and deleting it, are for its agents.',
      ...(declared.canonical() === undefined
        ? [
            'The API server has not yet told how it stores the manifest: until then only what the manifest spells out is matched.',
          ]
        : []),
    ]
  }
  if (status === 'guard')
    return ['It is part of the guard: only its installation, Git and the guard itself change it.']
  const sources = policy.sourcesOf(ref.namespace)
  if (sources.length === 0)
    return [
      `No source declares anything in ${ref.namespace === '' ? 'the cluster by this name' : `namespace ${ref.namespace}`}.`,
    ]
  return sources.map(
    ({ name, undeclared }) =>
      `Git does not hold it; source ${name} says of such objects in its namespaces: ${undeclared}.`,
  )
}

function exceptions(ref: ObjectRef, policy: Policy): string[] {
  return policy.breakGlass
    .filter((exception) => isInScope(exception, ref))
    .map(({ name, reason, openedBy, expiresAt }) => {
      return `The exception ${name} by ${openedBy} (${reason}) is open until ${new Date(expiresAt).toISOString()}.`
    })
}

function controllersFor(ref: ObjectRef, object: Parameters<typeof concerns>[2]): Explanation['controllers'] {
  return systemControllers.flatMap(({ name, jobs }) =>
    jobs
      .filter((job) => concerns(job, ref, object))
      .map(({ operations, reason }) => ({
        name,
        operations: operations.filter((each) => each !== 'UPDATE'),
        reason,
      }))
      .filter(({ operations }) => operations.length > 0),
  )
}
