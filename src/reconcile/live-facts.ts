import type { ObjectRef } from '../model/identity.ts'
import type { Json, KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { isInScope } from '../policy/break-glass-scope.ts'
import { guardManager } from './agent-writer.ts'

/** '' where the field is no text. */
export function textAt(object: KubeObject, field: string): string {
  const value = object.metadata[field]
  return typeof value === 'string' ? value : ''
}

/** Whether a repair left the guard's name in managedFields: it must still be taken out. */
export function bearsOurName(live: KubeObject): boolean {
  const entries = live.metadata['managedFields']
  return Array.isArray(entries) && entries.some(isOurEntry)
}

/** Whether nobody is named in managedFields: somebody cleared them, and the API server names nobody from then on. */
export function namesNobody(live: KubeObject): boolean {
  const entries = live.metadata['managedFields']
  return !Array.isArray(entries) || entries.length === 0
}

/**
 * Whether it can be noted again whose an object is that names nobody: asking may write where there are no dry-runs. Who applies nothing
 * but a name, as many do with namespaces, owns no field and is never named.
 */
export function isOwnerless(live: KubeObject, declared: Pick<Declared, 'canonical' | 'manifest'>): boolean {
  if (!namesNobody(live) || !declaresFields(declared.manifest.object)) return false
  const method = declared.canonical()?.method
  return method !== undefined && method !== 'declared'
}

function declaresFields(manifest: KubeObject): boolean {
  const fields = Object.keys(manifest).filter((key) => !NAMES.has(key))
  const metadata = Object.keys(manifest.metadata).filter((key) => !NAMES.has(key))
  return fields.length + metadata.length > 0
}

/** What every manifest has, and what nobody owns. */
const NAMES: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'name', 'namespace'])

function isOurEntry(entry: Json): boolean {
  return (
    fieldOf(entry, 'manager') === guardManager &&
    fieldOf(entry, 'operation') === 'Update' &&
    fieldOf(entry, 'subresource') === undefined
  )
}

/** Whether it was deleted and waits for its finalizers or its Pods. */
export function isLeaving({ metadata }: KubeObject): boolean {
  return metadata['deletionTimestamp'] !== undefined
}

/** A Job that completed or failed for good. */
export function isFinishedJob(object: KubeObject): boolean {
  if (!isJob(object)) return false
  const conditions = fieldOf(object['status'], 'conditions')
  return (
    Array.isArray(conditions) &&
    conditions.some(
      (condition) =>
        ['Complete', 'Failed'].includes(String(fieldOf(condition, 'type'))) &&
        fieldOf(condition, 'status') === 'True',
    )
  )
}

/** A Job that the cluster removes by itself once it finished. */
export function hasTtl(manifest: KubeObject): boolean {
  return isJob(manifest) && fieldOf(manifest['spec'], 'ttlSecondsAfterFinished') !== undefined
}

/** Helm's and Argo CD's hooks and objects whose name the server makes: they come and go as their agent likes. */
export function comesAndGoes(manifest: KubeObject): boolean {
  const { name, annotations } = manifest.metadata
  if (name === undefined) return true
  return (
    isObject(annotations) &&
    ['helm.sh/hook', 'argocd.argoproj.io/hook'].some((hook) => Object.hasOwn(annotations, hook))
  )
}

/** Until when a break-glass permission covers an object, in milliseconds since the epoch. */
export function breakGlassUntil(policy: Policy, ref: ObjectRef, now: number): number | undefined {
  let until: number | undefined
  for (const exception of policy.breakGlass) {
    const { expiresAt } = exception
    if (expiresAt > now && isInScope(exception, ref)) until = Math.max(until ?? 0, expiresAt)
  }
  return until
}

function isJob(object: KubeObject): boolean {
  return object.kind === 'Job' && object.apiVersion.startsWith('batch/')
}
