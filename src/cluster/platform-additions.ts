/** What managed platforms add to webhook configurations by themselves, as data. */
import type { Json } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import { equalJson } from '../object/json.ts'

/** Azure's admissions enforcer keeps the webhooks of others away from its own namespaces (learn.microsoft.com, AKS FAQ). */
const AKS: readonly Json[] = [
  { key: 'control-plane', operator: 'NotIn', values: ['true'] },
  { key: 'control-plane', operator: 'DoesNotExist' },
  { key: 'kubernetes.azure.com/managedby', operator: 'NotIn', values: ['aks'] },
]

/**
 * Whether a change is one of a platform's own: exactly these namespaces are left out, nothing more. Whoever may label a namespace can use
 * them as well, so they are to be reported; taking them away again and again would be a fight that nobody wins.
 */
export function isPlatformAddition({ path, op, after }: FieldChange): boolean {
  return (
    op === 'add' &&
    path.length === 5 &&
    path[0] === 'webhooks' &&
    path[2] === 'namespaceSelector' &&
    path[3] === 'matchExpressions' &&
    AKS.some((expression) => equalJson(expression, after))
  )
}
