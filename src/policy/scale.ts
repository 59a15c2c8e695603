import type { Change } from '../model/change.ts'
import type { Json } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { equalJson, fieldOf } from '../object/json.ts'
import { getAt } from '../object/path.ts'
import { uncovered } from '../object/coverage.ts'
import { versionOf } from '../object/identity.ts'
import { watcherAllowances } from './watcher-allowances.ts'

/**
 * A Scale holds the parent's replicas and nothing else of it. Judged as a change of that field: Git's number, or a number
 * from somebody who may set it.
 */
export function scaleDenied(change: Change, declared: Declared, policy: Policy): FieldChange[] {
  const path = replicasPath(declared, policy)
  if (change.after === undefined) return [{ path, op: 'remove' }]
  const before = replicas(change.before)
  const after = replicas(change.after)
  if (change.before !== undefined && equalJson(before, after)) return []
  const canonical = declared.canonical()?.object
  const wanted = getAt(canonical ?? declared.manifest.object, path)
  // The API server counts absent replicas of a Scale as 0.
  if (wanted !== undefined && equalJson(wanted, after)) return []
  const fromGit: FieldChange =
    wanted === undefined ? { path, op: 'add', after } : { path, op: 'replace', before: wanted, after }
  const open = uncovered(fromGit, change.actor, watcherAllowances(policy, declared), declared.manifest.object)
  return open.length === 0 ? [] : [{ path, op: 'replace', before, after }]
}

/** What a Scale sets in its parent: for those who remember who wrote what. */
export function scaleWrite(scale: Json | undefined, declared: Declared, policy: Policy): FieldChange {
  return { path: replicasPath(declared, policy), op: 'add', after: replicas(scale) }
}

function replicas(scale: Json | undefined): Json {
  return fieldOf(fieldOf(scale, 'spec'), 'replicas') ?? 0
}

/** Where the kind keeps its replicas: custom resources say so in their definition, where Git declares that. */
function replicasPath(declared: Declared, policy: Policy): readonly string[] {
  const standard = ['spec', 'replicas']
  const { ref, object } = declared.manifest
  if (!ref.group.includes('.') || ref.group.endsWith('.k8s.io')) return standard
  for (const { manifest } of policy.declaredOf('apiextensions.k8s.io', 'CustomResourceDefinition')) {
    const spec = manifest.object['spec']
    if (fieldOf(spec, 'group') !== ref.group || fieldOf(fieldOf(spec, 'names'), 'kind') !== ref.kind) continue
    const versions = fieldOf(spec, 'versions')
    const version = Array.isArray(versions)
      ? versions.find((each) => fieldOf(each, 'name') === versionOf(object.apiVersion))
      : undefined
    const path = fieldOf(fieldOf(fieldOf(version, 'subresources'), 'scale'), 'specReplicasPath')
    if (typeof path === 'string' && path.startsWith('.')) return path.slice(1).split('.')
  }
  return standard
}
