import type { Json } from '../model/json.ts'
import { fieldOf } from './json.ts'

/** Whether a Kubernetes label selector selects these labels; an empty one selects everything. */
export function selectsLabels(selector: Json, labels: Json | undefined): boolean {
  const expressions = fieldOf(selector, 'matchExpressions')
  return (
    hasLabels(labels, fieldOf(selector, 'matchLabels') ?? {}) &&
    (Array.isArray(expressions) ? expressions : []).every((each) => holds(each, labels))
  )
}

/** Whether labels hold all of these: the selector of a Service or a ReplicationController. */
export function hasLabels(labels: Json | undefined, wanted: Json): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => fieldOf(labels, key) === value)
}

function holds(expression: Json, labels: Json | undefined): boolean {
  const label = fieldOf(labels, String(fieldOf(expression, 'key')))
  const values = fieldOf(expression, 'values')
  const isListed = Array.isArray(values) && label !== undefined && values.includes(label)
  switch (fieldOf(expression, 'operator')) {
    case 'In':
      return isListed
    case 'NotIn':
      return !isListed
    case 'Exists':
      return label !== undefined
    case 'DoesNotExist':
      return label === undefined
    default:
      return true
  }
}
