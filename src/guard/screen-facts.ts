import type { AgentProgressReader } from '../cluster/agent-progress.ts'
import type { ObjectRef } from '../model/identity.ts'
import { maskChanges } from '../object/mask.ts'
import { reportedChanges } from '../object/reported-changes.ts'
import type { GuardFacts, ObjectDetail, ObjectFacts, OverviewFacts, SourceFacts } from '../screen/facts.ts'
import { readiness, type Condition } from '../telemetry/condition.ts'
import type { Core } from './core.ts'
import type { Exception } from './exceptions.ts'
import { reasonOf } from './violations.ts'

export interface ScreenFactsOptions {
  /** Undefined before the cluster was reached. */
  core(): Core | undefined
  conditions(): readonly Condition[]
  waiting(): Iterable<readonly [string, number]>
  exceptions(): readonly Exception[]
  progress: Pick<AgentProgressReader, 'of'>
}

const PROBLEMS = 20

/** What the screen shows, from a running guard's memory. */
export function screenFacts({
  core,
  conditions,
  waiting,
  exceptions,
  progress,
}: ScreenFactsOptions): GuardFacts {
  return {
    overview(): OverviewFacts {
      const running = core()
      const { statuses, queue } = running?.reconciler.counts() ?? {}
      return {
        ...readiness(conditions()),
        sources: running === undefined ? [] : sourcesOf(running),
        objects: Object.fromEntries(statuses ?? []),
        waiting: Object.fromEntries(waiting()),
        exceptions: exceptions().map(({ namespace, name, openedBy, reason, expiresAt }) => ({
          namespace,
          name,
          openedBy,
          reason,
          until: new Date(expiresAt).toISOString(),
        })),
        queue: queue === undefined ? 0 : queue.ready,
      }
    },
    *objects(): Iterable<ObjectFacts> {
      const running = core()
      if (running === undefined) return
      for (const { ref, status } of running.reconciler.statuses()) {
        const source = running.policy.declared(ref)?.source.name
        yield { ref, status, source: source ?? running.reconciler.findingOf(ref)?.source ?? '' }
      }
    },
    object(ref): ObjectDetail | undefined {
      const running = core()
      return running === undefined ? undefined : detailOf(running, ref)
    },
    progress: (source) => progress.of(source),
  }
}

function sourcesOf(core: Core): SourceFacts[] {
  return [...core.sourceStatuses()].map(([name, { revision = '', fetchedAt, lastError }]) => {
    const settings = core.settings.sources.find(({ policy }) => policy.name === name)
    const state = core.stateOf(name)
    const { repository = '', ref = '', mode = 'enforce', heal = 'alert' } = settings?.policy ?? {}
    return {
      name,
      repository,
      ref,
      path: settings?.input.spec.path ?? '',
      revision,
      mode,
      heal,
      objects: state?.manifests.length ?? 0,
      problems: (state?.problems ?? [])
        .slice(0, PROBLEMS)
        .map(({ file, line, message }) => ({ file, line, message })),
      problemCount: state?.problems.length ?? 0,
      ...(state === undefined ? {} : { committedAt: new Date(state.committedAt).toISOString() }),
      ...(fetchedAt === undefined ? {} : { fetchedAt: new Date(fetchedAt).toISOString() }),
      ...(lastError === undefined ? {} : { lastError: lastError.message }),
    }
  })
}

function detailOf({ policy, reconciler }: Core, ref: ObjectRef): ObjectDetail | undefined {
  const declared = policy.declared(ref)
  const status = reconciler.statusOf(ref)
  const finding = reconciler.findingOf(ref)
  if (declared === undefined && status === undefined) return undefined
  const { origin, object } = declared?.manifest ?? {}
  return {
    ref,
    status: status ?? 'pending',
    source: declared?.source.name ?? finding?.source ?? '',
    apiVersion: object?.apiVersion ?? finding?.apiVersion ?? ref.group,
    ...(declared === undefined ? {} : { repository: declared.source.repository }),
    ...(origin === undefined
      ? {}
      : {
          origin: {
            file: origin.file,
            line: finding?.origin?.line ?? origin.line,
            revision: origin.revision,
            approximate: origin.approximate === true,
          },
        }),
    ...(finding === undefined
      ? {}
      : {
          finding: {
            drift: finding.drift,
            remedy: finding.remedy,
            reason: reasonOf(finding),
            actor: { username: finding.actor.username, authenticated: finding.actor.authenticated },
            seenAt: new Date(finding.seenAt).toISOString(),
            changes: reportedChanges(maskChanges(ref, finding.changes)),
          },
        }),
  }
}
