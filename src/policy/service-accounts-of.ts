import type { Json, KubeObject } from '../model/json.ts'
import { isObject } from '../object/json.ts'

/**
 * Names of the service accounts that an object's Pods run as, in the object's namespace: wherever a field is called
 * `serviceAccountName` (or `serviceAccount`, its old name), as Pods, their templates in any kind, and custom resources
 * that make Pods (TaskRuns, Workflows, Rollouts) name them. A Pod template that names none runs as `default`.
 */
export function serviceAccountsOf(object: KubeObject | undefined): ReadonlySet<string> {
  const names = new Set<string>()
  if (object !== undefined) collect(object['spec'] ?? object['template'], names, 0)
  return names
}

/** As deep as the API server lets objects be useful; templates sit far above. */
const deepest = 40

function collect(value: Json | undefined, names: Set<string>, depth: number): void {
  if (depth > deepest || value === undefined) return
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') collect(item, names, depth + 1)
    return
  }
  if (!isObject(value)) return
  let named = false
  for (const key of Object.keys(value)) {
    const field = value[key]
    if (
      (key === 'serviceAccountName' || key === 'serviceAccount') &&
      typeof field === 'string' &&
      field !== ''
    ) {
      names.add(field)
      named = true
    } else if (typeof field === 'object' && field !== null) collect(field, names, depth + 1)
  }
  if (!named && Array.isArray(value['containers'])) names.add('default')
}
