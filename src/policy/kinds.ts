import type { ObjectRef } from '../model/identity.ts'

/** `group/Kind`, or `Kind` for the core group: as selectors and tables name kinds. */
export function kindOf({ group, kind }: { group: string; kind: string }): string {
  return group === '' ? kind : `${group}/${kind}`
}

export function isKind(ref: ObjectRef, group: string, kind: string): boolean {
  return ref.group === group && ref.kind === kind
}

/** Kinds that run Pods. */
export const workloads: readonly { group: string; kind: string }[] = [
  { group: 'apps', kind: 'Deployment' },
  { group: 'apps', kind: 'StatefulSet' },
  { group: 'apps', kind: 'DaemonSet' },
  { group: 'apps', kind: 'ReplicaSet' },
  { group: 'batch', kind: 'Job' },
  { group: 'batch', kind: 'CronJob' },
  { group: '', kind: 'Pod' },
  { group: '', kind: 'ReplicationController' },
  { group: 'argoproj.io', kind: 'Rollout' },
]

const workloadKinds = new Set(workloads.map(kindOf))

export function isWorkload(ref: { group: string; kind: string }): boolean {
  return workloadKinds.has(kindOf(ref))
}
