import { readiness, type Condition } from '../telemetry/condition.ts'
import type { Core } from './core.ts'
import { statusOfSync } from './sync-status.ts'

/** For `gitops-guard status`: no names of people, no values. */
export function statusOf(
  core: Core | undefined,
  { conditions, ...told }: { conditions: readonly Condition[]; waiting: object; deadLetters: number },
) {
  const syncs = core?.syncReports()
  const rfc = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString())
  const sources = [...(core?.sourceStatuses() ?? [])].map(
    ([name, { revision = '', fetchedAt, lastError }]) => ({
      name,
      revision,
      committedAt: rfc(core?.stateOf(name)?.committedAt),
      fetchedAt: rfc(fetchedAt),
      objects: core?.stateOf(name)?.manifests.length ?? 0,
      problems: core?.stateOf(name)?.problems.length ?? 0,
      ...(syncs?.has(name) === true ? { sync: statusOfSync(syncs.get(name)!) } : {}),
      ...(lastError === undefined ? {} : { lastError: lastError.message }),
    }),
  )
  return {
    ...readiness(conditions),
    sources,
    unfollowed: core?.discoveryProblems ?? [],
    objects: Object.fromEntries(core?.reconciler.counts().statuses ?? []),
    ...told,
  }
}
