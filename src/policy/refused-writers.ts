import type { Actor } from '../model/actor.ts'
import type { Policy } from '../model/policy.ts'
import type { WrittenField } from '../model/writer.ts'
import { isAgentOf } from './agents.ts'
import { serviceAccount } from './actors.ts'
import { modeFor } from './modes.ts'
import { allowed } from './suggest.ts'
import { watcherAllowances } from './watcher-allowances.ts'

/**
 * Of what was seen in audit mode, what a policy refuses: the objects that it still declares, whose mode is `enforce`
 * now (and was not under `before`, where given), written by no agent of theirs and covered by no allowance.
 */
export function refusedWriters(
  written: readonly WrittenField[],
  policy: Policy,
  before?: Policy,
): WrittenField[] {
  return written.flatMap((record) => {
    if (serviceAccount(record.user) === undefined) return []
    const objects = record.objects.filter((object) =>
      isRefused({ ...record, objects: [object] }, policy, before),
    )
    return objects.length === 0 ? [] : [{ ...record, objects }]
  })
}

function isRefused(record: WrittenField, policy: Policy, before: Policy | undefined): boolean {
  const [kind = '', group = ''] = record.kind.split('/').toReversed()
  const ref = { group, kind, ...record.objects[0]! }
  const declared = policy.declared(ref)
  if (declared === undefined || modeFor({ declared }, ref, policy) !== 'enforce') return false
  const earlier = before?.declared(ref)
  if (earlier !== undefined && modeFor({ declared: earlier }, ref, before!) === 'enforce') return false
  const actor: Actor = { username: record.user, groups: [], authenticated: true }
  if (isAgentOf(actor, declared.source)) return false
  return !allowed({ ...record, more: false }, watcherAllowances(policy, declared))
}
