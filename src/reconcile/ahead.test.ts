import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Ahead } from './ahead.ts'
import type { AgentProgress } from './ahead.ts'
import { ManualClock, settle } from './manual-clock.ts'

/** A source at commit `ours`, in a world where Git and the agent are elsewhere. */
function world(options: {
  tip?: string
  refreshed?: string
  progress?: AgentProgress
  known?: string[]
  definition?: () => Promise<'current' | 'changed' | 'busy'>
}) {
  const clock = new ManualClock()
  const state = { ours: 'c1', tips: 0, refreshes: 0, sinces: [] as number[] }
  const ahead = new Ahead({
    clock,
    revision: () => state.ours,
    known: (_source, revision) => options.known?.includes(revision) ?? false,
    progress: { of: () => options.progress },
    definition: options.definition && { state: options.definition },
    git: {
      tip: async (_source, since) => {
        state.tips++
        state.sinces.push(since)
        await settle()
        if (options.tip === undefined) throw new Error('unreachable')
        return options.tip
      },
      refresh: async () => {
        state.refreshes++
        state.ours = options.refreshed ?? options.tip!
        return state.ours
      },
    },
  })
  const ask = async () => (await ahead.ask('shop', clock.now())).standing
  return { clock, ahead, ask, state }
}

const progress = (revision: string, state: AgentProgress['state'] = 'applied'): AgentProgress => ({
  revision,
  state,
  at: 0,
})

it('say level when Git’s tip is the commit in force', async () => {
  assert.equal(await world({ tip: 'c1' }).ask(), 'level')
})

it('fetch when Git moved, and say so', async () => {
  const { ask, state } = world({ tip: 'c2' })
  assert.equal(await ask(), 'moved')
  assert.deepEqual({ refreshes: state.refreshes, ours: state.ours }, { refreshes: 1, ours: 'c2' })
})

it('trust an agent that is at the commit in force, without asking Git', async () => {
  const { ask, state } = world({ progress: progress('c1', 'applying') })
  assert.equal(await ask(), 'level')
  assert.equal(state.tips, 0)
})

it('ask Git when the agent is elsewhere: it may be behind or ahead', async () => {
  assert.equal(await world({ tip: 'c1', progress: progress('c0') }).ask(), 'level')
  assert.equal(await world({ tip: 'c2', progress: progress('c2') }).ask(), 'moved')
})

it('let the agent decide when Git is unreachable', async () => {
  assert.equal(await world({ progress: progress('c2') }).ask(), 'agent-ahead')
  assert.equal(await world({ progress: progress('c0'), known: ['c0'] }).ask(), 'level')
  assert.equal(await world({}).ask(), 'unknown')
  assert.equal(await world({ progress: { state: 'unknown', at: 0 } }).ask(), 'unknown')
})

it('know nothing when the commit at the tip is refused', async () => {
  assert.equal(await world({ tip: 'c2', refreshed: 'c1' }).ask(), 'unknown')
})

it('ask once for all that was seen before the question, again for what was seen after', async () => {
  const { ahead, clock, state } = world({ tip: 'c1' })
  const first = clock.now()
  const one = ahead.ask('shop', first)
  const two = ahead.ask('shop', first)
  assert.equal(one, two)
  await clock.advance(0)
  await Promise.all([one, two])
  assert.equal(state.tips, 1)
  const three = ahead.ask('shop', clock.now())
  const sameMoment = ahead.ask('shop', clock.now())
  assert.equal(three, sameMoment)
  const later = clock.advance(1).then(() => ahead.ask('shop', clock.now()))
  await Promise.all([three, later])
  assert.equal(state.tips, 3)
  assert.ok(state.sinces[2]! > first)
})

it('compare again where the agent is told something else by now, before its commit counts', async () => {
  const { ask, state } = world({ progress: progress('c1'), definition: async () => 'changed' })
  assert.equal(await ask(), 'moved')
  assert.equal(state.tips, 0)
})

it('wait while the agent brings in what cannot be told yet, and where it cannot be asked', async () => {
  assert.equal(await world({ tip: 'c1', definition: async () => 'busy' }).ask(), 'agent-ahead')
  const unreachable = () => Promise.reject(new Error('unreachable'))
  assert.equal(await world({ tip: 'c1', definition: unreachable }).ask(), 'unknown')
})
