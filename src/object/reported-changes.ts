import type { FieldChange } from '../model/path.ts'
import type { ReportedChange } from '../model/violation.ts'
import { formatPointer } from './path.ts'

/** The changes as scripts read them: path a JSON Pointer, `desired` Git's value, `live` the cluster's. */
export function reportedChanges(changes: readonly FieldChange[]): ReportedChange[] {
  return changes.map(({ path, op, before, after }) => ({
    path: formatPointer(path),
    op,
    ...(before === undefined ? {} : { desired: before }),
    ...(after === undefined ? {} : { live: after }),
  }))
}
