import type { Row } from '../row.ts'
import { agentSwitchRows } from './agent-switches.ts'
import { autoscalerRows } from './autoscalers.ts'
import { childRows } from './children.ts'
import { deleteRows } from './deletes.ts'
import { definitionRows } from './definitions.ts'
import { dryRunRows } from './dry-runs.ts'
import { editRows } from './edits.ts'
import { etcdRows } from './etcd.ts'
import { gitRows } from './git.ts'
import { guardObjectRows } from './guard-objects.ts'
import { identityRows } from './identities.ts'
import { inputRows } from './inputs.ts'
import { metadataRows } from './metadata.ts'
import { namespaceRows } from './namespaces.ts'
import { restartRows } from './restarts.ts'
import { reviewRows } from './reviews.ts'
import { scaleRows } from './scale.ts'
import { sideDoorRows } from './side-doors.ts'
import { takeoverRows } from './takeovers.ts'
import { webhookRows } from './webhooks.ts'
import { writerRows } from './writers.ts'

/** In the order of the list; those that restart the guard last. */
export const allRows: readonly Row[] = [
  ...scaleRows,
  ...childRows,
  ...editRows,
  ...deleteRows,
  ...metadataRows,
  ...writerRows,
  ...agentSwitchRows,
  ...definitionRows,
  ...dryRunRows,
  ...namespaceRows,
  ...identityRows,
  ...inputRows,
  ...webhookRows,
  ...guardObjectRows,
  ...reviewRows,
  ...etcdRows,
  ...gitRows,
  ...autoscalerRows,
  ...sideDoorRows,
  ...takeoverRows,
  ...restartRows,
].toSorted((a, b) => rank(a) - rank(b))

/** Stable: those of one row stay in their order. */
function rank({ row, restarts }: Row): number {
  return (restarts === true ? 1000 : 0) + (row === 0 ? 100 : row)
}
