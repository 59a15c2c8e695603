import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientOf } from '../agents/client-of.ts'
import type { TestGuard } from '../agents/test-guard.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { until } from '../e2e/until.ts'
import type { AuditRecord } from './audit-record.ts'
import { judgeRace, type Outcome } from './judge-race.ts'
import { race, type RaceOptions } from './race.ts'
import type { RaceShop } from './race-shop.ts'
import type { Witness } from './witness.ts'

export const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'

export interface RunOptions extends Omit<RaceOptions, 'alice'> {
  plane: ControlPlane
  guard: TestGuard
  audit: AuditRecord
  witness: Witness
  /** The agent's username. */
  agent: string
  /** Waits until the agent has brought a commit in. */
  settled(commit: string): Promise<void>
}

/** Runs a race to its end, prints what came of it, and fails where one of the agent's writes was undone or one of alice's edits stands. */
export async function runRace(test: TestContext, options: RunOptions): Promise<Outcome> {
  const { plane, guard, audit, witness, agent, shop } = options
  const alice = clientOf(plane, 'alice')
  const { edits, last } = await race({ ...options, alice }).finally(() => alice.close())
  await options.settled(last)
  await until('the cluster is what Git says', () => differences(shop, witness).length === 0, {
    ms: 90_000,
    seen: () => differences(shop, witness).map((difference) => [difference, ...story(difference, options)]),
  })
  // And stays so.
  await sleep(2_000)
  assert.deepEqual(differences(shop, witness), [])
  const outcome = judgeRace(witness.sights, audit.read(), { agent, guard: GUARD, edits })
  const { written, undone, early, healedMs } = outcome
  const at = (part: number) => healedMs[Math.floor(part * (healedMs.length - 1))]
  test.diagnostic(
    `${shop.commits} commits; versions by the agent ${written.agent}, by alice ${written.alice}, by the guard ${written.guard} (${early} before the agent)`,
  )
  test.diagnostic(
    `${undone.length} of the agent's writes undone; ${healedMs.length} of ${edits.length} edits undone, after ${at(0.5)} ms (median), ${at(0.99)} ms (99 %), ${at(1)} ms at most`,
  )
  for (const { object, token, ms } of outcome.slow.slice(0, 3))
    test.diagnostic([`${token} stood for ${ms} ms:`, ...story(`${object} `, options, token)].join('\n  '))
  assert.deepEqual(
    undone.map((text) => [text, ...story(`${text.slice(0, text.indexOf(':'))} `, options)]),
    [],
  )
  assert.deepEqual(outcome.standing, [])
  const denied = (await guard.interference()).filter(
    ({ event, user }) => event === 'denied' && user === agent,
  )
  assert.deepEqual(denied, [])
  assert.ok(
    written.agent > 0 && written.alice > 0 && written.guard > 0,
    'each of the three must have written',
  )
  return outcome
}

/** Where the cluster is not what Git says, a text each. */
function differences(shop: RaceShop, witness: Witness): string[] {
  const now = witness.now()
  const found: string[] = []
  for (const [object, wanted] of shop.objects) {
    const sight = now.get(object)
    if (wanted && sight === undefined) found.push(`${object} is missing`)
    else if (!wanted && sight !== undefined) found.push(`${object} is there`)
    else if (sight?.text.includes('alice-')) found.push(`${object} holds what alice wrote`)
    else if (sight !== undefined && sight.commit !== shop.commitOf(object))
      found.push(`${object} is of commit ${sight.commit}, not ${shop.commitOf(object)}`)
  }
  return found
}

/** The last versions of the object that a text begins with, and who wrote each; those around a token where one is given. */
function story(text: string, { witness, audit }: RunOptions, token?: string): string[] {
  const { writers } = audit.read()
  const own = witness.sights.filter(({ object }) => text.startsWith(`${object} `))
  const from =
    token === undefined ? own.length - 12 : own.findIndex((sight) => sight.text.includes(token)) - 2
  return own.slice(Math.max(0, from), Math.max(0, from) + 12).map((sight) => {
    const { at, type, commit, version } = sight
    const tokens = [...new Set(sight.text.match(/alice-\d+-\d+/g) ?? [])].join(' ')
    const ending = sight.text.includes('deletionTimestamp') ? ' terminating' : ''
    return `${new Date(at).toISOString()} ${type}${ending} by ${writers.get(version) ?? '?'}: commit ${commit} ${tokens}`
  })
}
