import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Violation } from '../../src/model/violation.ts'
import { configMap, inNamespace } from '../e2e/manifests.ts'
import { until } from '../e2e/until.ts'
import { FINALIZER, GRACE, mapPath, OPERATOR, type RunningStage } from './running-stage.ts'

/** What only a guard that runs can show: what it does over time, and what it leaves alone. */
export interface RunningCase {
  /** Of the list of what is drift and what is not. */
  row: number
  name: string
  run(on: RunningStage): Promise<void>
}

const NOTE = 'foo.dev/note'
const WEB = '/apis/apps/v1/namespaces/fixed/deployments/web'
const GOOD = mapPath('fixed', 'good')
const CLAIM = '/api/v1/namespaces/fixed/persistentvolumeclaims/data'

export const runningCases: readonly RunningCase[] = [
  {
    row: 16,
    name: 'leave alone what the agent applied and pruned of a commit that the guard has not read, and tell nobody',
    async run(on) {
      const { stage, ahead } = on
      ahead.write('all.yaml', configMap('kept', { step: '2' }))
      const revision = ahead.commit('Step 2, and one less')
      await stage.apply(inNamespace('ahead', configMap('kept', { step: '2' })))
      await on.kubectl('system:serviceaccount:ci:deployer', ['-n', 'ahead', 'delete', 'configmap/pruned'])
      const { resourceVersion } = (await stage.get(mapPath('ahead', 'kept'))).metadata
      // It asks once an hour: the changes made it ask.
      await on.reads('ahead', revision)
      // An edit is put back: all that came before it is decided.
      await on.unseen(mapPath('ahead', 'kept'), { data: { more: 'x' } })
      const kept = await on.becomes(
        mapPath('ahead', 'kept'),
        'is back',
        ({ data }) => data.more === undefined,
      )
      assert.equal(kept.data.step, '2')
      assert.equal(await stage.get(mapPath('ahead', 'pruned')), undefined)
      const told = await on.hears('ahead', 'kept', 'is back', ({ event }) => event === 'repaired')
      assert.deepEqual(
        on.told('ahead').filter(({ id }) => id !== told.id),
        [],
      )
      assert.deepEqual(
        told.changes.map(({ path }) => path),
        ['/data/more'],
      )
      assert.ok(Number(kept.metadata.resourceVersion) > Number(resourceVersion))
      assert.equal(await on.guard.metric('drift_repaired_total', { source: 'ahead' }), 1)
    },
  },
  {
    row: 18,
    name: 'accept the field of an operator, by whomever where nothing says who it was, and not from a person who was seen',
    async run(on) {
      const path = mapPath('open', 'app')
      const note = async () => (await on.stage.get(path)).metadata.annotations?.[NOTE]
      /** Something else is edited and put back: all that came before it is decided. */
      const decided = async () => {
        await on.unseen(path, { data: { key: 'edited' } })
        await on.becomes(path, 'is back', ({ data }) => data.key === 'x')
      }
      const annotate = ['-n', 'open', 'annotate', '--overwrite', 'configmap/app']
      await on.kubectl(OPERATOR, [...annotate, `${NOTE}=operators`])
      await decided()
      assert.equal(await note(), 'operators')
      await on.unseen(path, { metadata: { annotations: { [NOTE]: 'unknown' } } })
      await decided()
      assert.equal(await note(), 'unknown')
      assert.match(await on.kubectl('alice', [...annotate, `${NOTE}=alices`]), /Warning: .*alice/)
      await on.becomes(path, 'has no note', ({ metadata }) => metadata.annotations?.[NOTE] === undefined)
      const repaired = await on.hears(
        'open',
        'app',
        'is put back after alice',
        ({ event, actor }) => event === 'repaired' && actor.username === 'alice',
      )
      assert.equal(repaired.actor.authenticated, true)
      await on.kubectl(OPERATOR, [...annotate, `${NOTE}=again`])
      await decided()
      assert.equal(await note(), 'again')
    },
  },
  {
    row: 28,
    name: 'call a commit that no agent brings in pending, and tell once that the agent lags',
    async run(on) {
      const { stage, guard, repository } = on
      const path = mapPath('late', 'next')
      const repaired = await guard.metric('drift_repaired_total', { source: 'late' })
      const { resourceVersion } = (await stage.get(path)).metadata
      const manifests = [configMap('next', { step: '2' }), configMap('other')]
      repository.write('late/all.yaml', manifests.join('---\n'))
      const committed = Date.now()
      await on.reads('late', repository.commit('Step 2'))
      await until('it is pending', async () => (await guard.metric('objects', { status: 'pending' })) === 1)
      const lags = await on.hears('late', 'next', 'lags', ({ rule }) => rule === 'agent-lags')
      assert.ok(Date.now() - committed >= GRACE * 1000, 'the agent had its time')
      assert.match(lags.reason, /its agent has not brought in the last commit/)
      assert.equal((await stage.get(path)).metadata.resourceVersion, resourceVersion)
      // Longer than it took to say so first.
      await sleep((GRACE + 1) * 1000)
      await on.unseen(mapPath('late', 'other'), { data: { key: 'edited' } })
      await on.becomes(mapPath('late', 'other'), 'is back', ({ data }) => data.key === 'x')
      assert.deepEqual(
        on.told('late', 'next').map(({ id }) => id),
        [lags.id],
      )
      assert.equal((await stage.get(path)).metadata.resourceVersion, resourceVersion)
      await stage.apply(inNamespace('late', configMap('next', { step: '2' })))
      await until('none is pending', async () => (await guard.metric('objects', { status: 'pending' })) === 0)
      assert.equal(await guard.metric('drift_repaired_total', { source: 'late' }), repaired + 1)
    },
  },
  {
    row: 31,
    name: 'tell once why an immutable selector, a claim that grew and an object on its way out cannot be put back',
    async run(on) {
      const { stage, guard } = on
      const isRefused = ({ event }: Violation) => event === 'unrepairable'
      // It was so before the guard came.
      const selector = await on.hears('fixed', 'web', 'cannot be put back', isRefused)
      assert.match(selector.reason, /immutable/)
      await on.unseen(CLAIM, { spec: { resources: { requests: { storage: '2Gi' } } } })
      const claim = await on.hears('fixed', 'data', 'cannot be put back', isRefused)
      assert.match(claim.reason, /cannot be put back: .*(can not be less|immutable|forbidden)/i)
      const held = mapPath('fixed', 'held')
      await on.unseenDelete(held)
      const leaving = await on.hears('fixed', 'held', 'is being deleted', () => true)
      assert.match(leaving.reason, /: it is being deleted/)
      const versions = () =>
        Promise.all(
          [WEB, CLAIM, held].map(async (path) => String((await stage.get(path)).metadata.resourceVersion)),
        )
      const before = await versions()
      // The same source goes on: what can be put back is, twice, and nothing more is said of the three.
      for (const image of ['evil:1', 'evil:2']) {
        await on.unseen(GOOD, { data: { key: image } })
        await on.becomes(GOOD, 'is back', ({ data }) => data.key === 'x')
        await sleep(GRACE * 1000)
      }
      assert.deepEqual(await versions(), before)
      assert.equal(await guard.metric('drift_unrepairable_total', { source: 'fixed' }), 2)
      for (const name of ['web', 'data', 'held'])
        assert.equal(on.told('fixed', name).length, 1, JSON.stringify(on.told('fixed', name)))
      await on.unseen(held, { metadata: { finalizers: null } })
      const anew = await on.becomes(held, 'is there again', ({ metadata }) => !metadata.deletionTimestamp)
      assert.deepEqual(anew.metadata.finalizers, [FINALIZER])
    },
  },
  {
    row: 32,
    name: 'back off from a fight, name both sides once, keep the rest of the source, and win when it ends',
    async run(on) {
      const { stage, guard } = on
      const path = mapPath('fight', 'contested')
      let writes = 0
      let fighting = true
      const fighter = (async () => {
        for (; fighting; await sleep(20)) {
          if ((await stage.get(path)).data.key === 'theirs') continue
          await on.unseen(path, { data: { key: 'theirs' } }, 'fighter')
          writes++
        }
      })()
      const isFight = ({ rule }: Violation) => rule === 'fight'
      const fight = await on.hears('fight', 'contested', 'is fought over', isFight)
      assert.match(fight.reason, /system:serviceaccount:gitops-guard:gitops-guard and fighter disagree/)
      await on.unseen(mapPath('fight', 'other'), { data: { key: 'edited' } })
      await on.becomes(mapPath('fight', 'other'), 'is back', ({ data }) => data.key === 'x')
      // It tries again after each pause: more than once, and far less often than they write.
      const tried = writes
      await until('it tried again', () => writes >= tried + 2, { ms: 60_000 })
      fighting = false
      await fighter
      await on.becomes(path, 'is back', ({ data }) => data.key === 'x')
      assert.equal(on.told('fight', 'contested').filter(isFight).length, 1)
      const repaired = await guard.metric('drift_repaired_total', { source: 'fight' })
      assert.ok(repaired <= writes + 2, `${repaired} repairs of ${writes} writes`)
    },
  },
]
