import type { Change } from '../model/change.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { controllersOf } from './actors.ts'
import { holds, type SystemJob } from './system-controllers.ts'

/** Whether a job is about objects like this one. `object` is the declared one, or the live one where Git holds none. */
export function concerns(job: SystemJob, ref: ObjectRef, object: KubeObject | undefined): boolean {
  const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`
  return (
    (job.kinds.includes('*') || job.kinds.includes(kind)) &&
    (job.names === undefined || job.names.includes(ref.name)) &&
    (job.when === undefined || (object !== undefined && holds(job.when, object)))
  )
}

/** The jobs of the actor that cover this request, fields apart. */
export function jobsFor(
  change: Change,
  policy: Policy,
  object: KubeObject | undefined,
): readonly SystemJob[] {
  return controllersOf(change.actor, policy)
    .flatMap(({ jobs }) => jobs)
    .filter(
      (job) =>
        job.operations.includes(change.operation) &&
        (job.subresources ?? ['']).some((name) => name === '*' || name === change.subresource) &&
        concerns(job, change.ref, object),
    )
}
