import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../model/json.ts'
import { refOf } from '../object/identity.ts'
import { settle } from './manual-clock.ts'
import { answer, configMap, person, World } from './testing/world.ts'

const own = (...keys: string[]) => ({ 'f:data': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) })
const web = (a: string, more: { [key: string]: string } = {}) => configMap('web', { a, b: '1', ...more })

describe('a change by a person', () => {
  it('put back at once, with one write and then the agent’s ownership, asking nobody', async () => {
    const world = new World()
    await world.start(web('1'))
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.deepEqual(world.writes, ['put web as gitops-guard', 'hand back web as gitops-guard'])
    assert.deepEqual(world.said(), ['drift:person', 'repaired'])
    assert.equal(world.asked, 0)
    assert.equal(world.confirmed, 0)
    const [drift, repaired] = world.events
    assert.ok(drift?.event === 'drift' && repaired?.event === 'repaired')
    assert.equal(drift.finding.id, repaired.finding.id)
    assert.equal(drift.finding.actor.username, 'kubectl-edit')
    assert.equal(drift.finding.actor.authenticated, false)
    assert.equal(repaired.repairedAfterMs, 0)
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  })

  it('put back at once under the agent’s own manager where a review recorded who it was', async () => {
    const world = new World()
    await world.start(web('1'))
    const change = { path: ['data', 'a'], op: 'replace', before: '1', after: 'evil' } as const
    world.ledger.record({ ref: refOf(web('1')), actor: person('alice'), time: 5, changes: [change] })
    world.write(web('evil'), 'flux', 'Update', own('a', 'b'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.equal(world.asked, 0)
    const [drift] = world.events
    assert.ok(drift?.event === 'drift')
    assert.deepEqual(drift.finding.actor, person('alice'))
    assert.equal(drift.finding.writtenAt, 5)
  })

  it('cost nothing when its own writes come back as events', async () => {
    const world = new World()
    await world.start(web('1'))
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    const { working, waiting } = world.reconciler.counts().queue
    assert.deepEqual({ working, waiting, writes: world.writes.length }, { working: 0, waiting: 0, writes: 2 })
  })

  it('never overwrite a newer version: read it and compare again', async () => {
    const world = new World()
    await world.start(web('1'))
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    world.watching = false
    world.write(web('evil', { c: 'more' }), 'kubectl-edit', 'Update', own('a', 'c'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.deepEqual(world.writes.slice(0, 2), ['put web as gitops-guard', 'put web as gitops-guard'])
  })
})

describe('never against the agent', () => {
  it('fetch and leave alone what the agent applied before the guard fetched it', async () => {
    const world = new World()
    await world.start(web('1'))
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.write(web('2'), 'flux', 'Apply')
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '2', b: '1' })
    assert.deepEqual(world.said(), [])
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  })

  it('not bring back what the agent pruned', async () => {
    const world = new World()
    await world.start(web('1'), configMap('other', { x: '1' }))
    world.commits.set('c2', [configMap('other', { x: '1' })])
    world.tip = 'c2'
    world.remove(web('1'))
    await world.quiet()
    assert.deepEqual(world.writes, [])
    assert.deepEqual(world.said(), [])
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), undefined)
  })

  it('repair under the agent’s manager once Git says that it did not move', async () => {
    const world = new World()
    await world.start(web('1'))
    world.write(web('forged'), 'flux', 'Apply')
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.equal(world.asked, 1)
    assert.deepEqual(world.said(), ['drift:git-is-level', 'repaired'])
  })

  it('wait while the agent is at a commit that Git cannot be asked about', async () => {
    const world = new World()
    await world.start(web('1'))
    world.reachable = false
    world.progress = { revision: 'c2', state: 'applied', at: 0 }
    world.write(web('2'), 'flux', 'Apply')
    await world.quiet()
    await world.clock.advance(600_000)
    assert.deepEqual(world.writes, [])
    assert.deepEqual(world.said(), [])
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.reachable = true
    await world.clock.advance(5_000)
    assert.deepEqual(world.writes, [])
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  })

  it('go back to the last good revision when neither answers for the grace time', async () => {
    const world = new World()
    await world.start(web('1'))
    world.reachable = false
    world.write(web('x'), 'flux', 'Apply')
    await world.quiet()
    await world.clock.advance(59_000)
    assert.deepEqual(world.writes, [])
    await world.clock.advance(2_000)
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })

  it('give the agent time to make again what it deleted', async () => {
    const world = new World()
    await world.start(web('1'))
    world.ledger.record({
      ref: refOf(web('1')),
      actor: person('flux'),
      time: world.clock.now(),
      changes: [],
      deleted: true,
    })
    world.remove(web('1'))
    await world.quiet()
    await world.clock.advance(30_000)
    assert.deepEqual(world.writes, [])
    world.write(web('1'), 'flux', 'Apply')
    await world.quiet()
    assert.deepEqual(world.said(), [])
    await world.clock.advance(60_000)
    assert.deepEqual(world.writes, [])
  })
})

describe('a commit that the agent has not applied', () => {
  it('is pending, then the agent lags, told once; and never brought in', async () => {
    const world = new World()
    await world.start(web('1'))
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.load('c2')
    await world.quiet()
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'pending')
    assert.deepEqual(world.said(), [])
    await world.clock.advance(61_000)
    assert.deepEqual(world.said(), ['agent-lags'])
    world.write(web('1'), 'flux', 'Apply')
    await world.quiet()
    await world.clock.advance(600_000)
    assert.deepEqual(world.said(), ['agent-lags'])
    assert.deepEqual(world.writes, [])
    world.write(web('2'), 'flux', 'Apply')
    await world.quiet()
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  })

  it('is pending too where the agent brings a commit that the guard passed over, for as long as it has', async () => {
    const world = new World()
    await world.start(web('1'))
    world.commits.set('c3', [web('3')])
    world.tip = 'c3'
    world.load('c3')
    world.write(web('2'), 'flux', 'Apply')
    await world.quiet()
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'pending')
    assert.deepEqual(world.writes, [])
    await world.clock.advance(61_000)
    await world.quiet()
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  })

  it('is not pending where the agent says that it is done: somebody set it back', async () => {
    const world = new World()
    await world.start(web('1'))
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.progress = { revision: 'c2', state: 'applied', at: 0 }
    world.load('c2')
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '2', b: '1' })
  })

  it('does not wait for a suspended agent, and says nothing', async () => {
    const world = new World()
    await world.start(web('1'))
    world.progress = { revision: 'c1', state: 'suspended', at: 0 }
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.load('c2')
    await world.quiet()
    await world.clock.advance(600_000)
    assert.deepEqual(world.said(), [])
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'pending')
  })

  it('takes back what a person does meanwhile, and leaves the commit to the agent', async () => {
    const world = new World()
    await world.start(web('1'))
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.load('c2')
    await world.quiet()
    world.write(web('1', { b: 'evil' }), 'kubectl-edit', 'Update', own('b'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'pending')
    world.write(web('2', { b: 'evil' }), 'kubectl-edit', 'Update', own('b'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '2', b: '1' })
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  })

  it('is brought in by the guard where the guard had put the older one back', async () => {
    const world = new World()
    await world.start(web('1'))
    // The agent applied c2, alice changed the same field, and the guard knew of c1 only.
    world.write(web('2'), 'flux', 'Apply')
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.load('c2')
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    await world.clock.advance(61_000)
    assert.deepEqual(world.data('web'), { a: '2', b: '1' })
  })

  it('finds an object that the agent has yet to create pending, not missing', async () => {
    const world = new World()
    await world.start(web('1'))
    world.commits.set('c2', [web('1'), configMap('new', { x: '1' })])
    world.tip = 'c2'
    world.load('c2')
    await world.quiet()
    assert.equal(world.reconciler.statusOf(refOf(configMap('new', {}))), 'pending')
    assert.deepEqual(world.writes, [])
    await world.clock.advance(61_000)
    assert.deepEqual(world.said(), ['agent-lags'])
  })
})

describe('a missing object', () => {
  it('created again once Git says that it did not move, with the agent’s entry from before', async () => {
    const world = new World()
    await world.start(web('1'))
    world.remove(web('1'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.deepEqual(world.writes, ['create web as gitops-guard', 'hand back web as gitops-guard'])
    assert.deepEqual(world.said(), ['drift:git-is-level', 'repaired'])
  })

  it('not brought back where the agent made it and pruned it while Git was asked', async () => {
    const answers: (() => void)[] = []
    let tip = 'c1'
    const world = new World({
      git: {
        tip: () => {
          const now = tip
          return new Promise((resolve) => answers.push(() => resolve(now)))
        },
        refresh: () => {
          world.load(tip)
          return Promise.resolve(tip)
        },
      },
    })
    await world.start(web('1'))
    world.remove(web('1'))
    await world.quiet()
    world.commits.set('c2', [])
    tip = 'c2'
    await world.clock.advance(5)
    world.write(web('1'), 'flux', 'Apply')
    world.remove(web('1'))
    while (answers.length > 0) {
      answers.shift()!()
      await world.quiet()
    }
    assert.deepEqual(world.writes, [])
  })

  it('asked about again before a repair that failed is tried again', async () => {
    const world = new World()
    await world.start(web('1'))
    world.refuse = answer(500, 'etcdserver: leader changed')
    world.remove(web('1'))
    await world.quiet()
    // Meanwhile the agent brings a commit in that the guard does not know, without it.
    world.commits.set('c2', [])
    world.tip = 'c2'
    await world.clock.advance(5_000)
    assert.deepEqual(world.writes, ['create web as gitops-guard'])
    assert.equal(world.live('web'), undefined)
  })

  it('found by a list that does not hold it', async () => {
    const world = new World()
    await world.start(web('1'))
    world.watching = false
    world.remove(web('1'))
    world.watching = true
    world.reconciler.listing({ group: '', kind: 'ConfigMap' })
    world.reconciler.synced({ group: '', kind: 'ConfigMap' })
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })

  it('not created where the list was wrong', async () => {
    const world = new World()
    await world.start(web('1'))
    world.reconciler.listing({ group: '', kind: 'ConfigMap' })
    world.reconciler.synced({ group: '', kind: 'ConfigMap' })
    await world.quiet()
    assert.deepEqual(world.writes, [])
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  })

  it('waits for its namespace', async () => {
    const world = new World()
    await world.start(web('1'))
    world.refuse = answer(404, 'namespaces "shop" not found')
    world.remove(web('1'))
    await world.quiet()
    assert.equal(world.live('web'), undefined)
    await world.clock.advance(1_000)
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })

  it('waits while its namespace terminates', async () => {
    const world = new World()
    await world.start(web('1'))
    const namespace = (more: object): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', ...more },
    })
    world.reconciler.observe('modified', namespace({ deletionTimestamp: 'now' }))
    world.remove(web('1'))
    await world.quiet()
    await world.clock.advance(60_000)
    assert.deepEqual(world.writes, [])
    assert.deepEqual(world.said(), [])
    world.reconciler.observe('deleted', namespace({}))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })

  it('left alone where it is a Job that finished, created where it had not', async () => {
    for (const state of ['True', 'False']) {
      const world = new World()
      const job: KubeObject = {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'job', namespace: 'shop' },
        spec: { ttlSecondsAfterFinished: 1 },
      }
      await world.start(job)
      world.write({ ...job, status: { conditions: [{ type: 'Complete', status: state }] } }, 'flux', 'Apply')
      world.remove(job)
      await world.quiet()
      assert.equal(world.live('job') === undefined, state === 'True')
    }
  })
})

describe('what is said, and once', () => {
  it('that a repair is refused for good; again when something else differs', async () => {
    const world = new World()
    await world.start(web('1'))
    world.refuse = answer(422, 'field is immutable')
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    await world.clock.advance(600_000)
    assert.deepEqual(world.said(), ['drift:person', 'unrepairable'])
    assert.equal(world.writes.length, 1)
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'unrepairable')
    world.write(web('evil2'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })

  it('nothing of immutable fields where the source lets the object be made anew', async () => {
    const world = new World({ source: { recreate: true } })
    await world.start(web('1'))
    world.refuse = answer(422, 'field is immutable')
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.deepEqual(world.writes.slice(1, 3), ['delete web', 'create web as gitops-guard'])
    assert.equal(world.said().filter((event) => event === 'unrepairable').length, 0)
  })

  it('that a manifest is invalid, while objects around it stay guarded', async () => {
    const world = new World()
    world.forms.set('bad', { invalid: 'spec: unknown' })
    await world.start(web('1'), configMap('bad', { x: '1' }))
    world.write(configMap('bad', { x: '2' }), 'kubectl-edit')
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.equal(world.said().filter((event) => event === 'invalid').length, 1)
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
    assert.equal(world.reconciler.statusOf(refOf(configMap('bad', {}))), 'invalid')
  })

  it('an alert for each difference where the source only wants to be told', async () => {
    const world = new World({ source: { heal: 'alert' } })
    await world.start(web('1'))
    for (let round = 0; round < 3; round++) world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.deepEqual(world.said(), ['drift:alert-only'])
    assert.deepEqual(world.writes, [])
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'modified')
    world.write(web('1'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.deepEqual(world.said(), ['drift:alert-only', 'undone'])
  })

  it('a fight, with a pause that grows; other objects are repaired meanwhile', async () => {
    const world = new World()
    await world.start(web('1'), configMap('other', { a: '1' }))
    for (let round = 0; round < 12; round++) {
      world.write(web('evil'), 'operator', 'Update', own('a'))
      await world.quiet()
      await world.clock.advance(100)
    }
    assert.deepEqual(world.data('web'), { a: 'evil', b: '1' })
    assert.equal(world.said().filter((event) => event === 'fight').length, 1)
    assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'fight')
    const fight = world.events.find((event) => event.event === 'fight')
    assert.deepEqual(fight?.event === 'fight' && fight.writers, [
      'system:serviceaccount:gitops-guard:gitops-guard',
      'operator',
    ])
    world.write(configMap('other', { a: 'evil' }), 'kubectl-edit')
    await world.quiet()
    assert.deepEqual(world.data('other'), { a: '1' })
    await world.clock.advance(2_000)
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })
})

describe('break-glass', () => {
  it('lets a difference stand until it ends', async () => {
    const world = new World()
    await world.start(web('1'))
    const expiresAt = world.clock.now() + 30_000
    world.breakGlass = [
      { name: 'b', namespace: 'shop', objects: [], reason: 'INC-1', openedBy: 'alice', expiresAt },
    ]
    world.reconciler.setPolicy(world.policy())
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    await world.clock.advance(29_000)
    assert.deepEqual(world.said(), ['drift:break-glass'])
    assert.deepEqual(world.data('web'), { a: 'evil', b: '1' })
    await world.clock.advance(2_000)
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })
})

describe('what Git does not name', () => {
  it('is removed where the source denies it, but not children, and not before Git was asked', async () => {
    const world = new World({ source: { undeclared: 'deny' } })
    await world.start(web('1'))
    const stray = world.write(configMap('stray', {}), 'kubectl-create')
    const child = world.write(configMap('child', {}, { ownerReferences: [{ uid: 'u' }] }), 'controller')
    const root = world.write(configMap('kube-root-ca.crt', {}), 'controller')
    for (const object of [stray, child, root]) world.reconciler.observeUndeclared('added', object)
    await world.quiet()
    assert.deepEqual(world.writes, ['delete stray'])
    assert.equal(world.asked, 1)
  })

  it('is told where the source warns', async () => {
    const world = new World({ source: { undeclared: 'warn' } })
    await world.start(web('1'))
    world.reconciler.observeUndeclared('added', world.write(configMap('stray', {}), 'kubectl-create'))
    await world.quiet()
    assert.deepEqual(world.writes, [])
    assert.deepEqual(world.said(), ['drift:alert-only'])
    assert.equal(world.reconciler.statusOf(refOf(configMap('stray', {}))), 'undeclared')
  })

  it('is left alone where a newer commit names it', async () => {
    const world = new World({ source: { undeclared: 'deny' } })
    await world.start(web('1'))
    world.commits.set('c2', [web('1'), configMap('new', { x: '1' })])
    world.tip = 'c2'
    world.reconciler.observeUndeclared('added', world.write(configMap('new', { x: '1' }), 'flux', 'Apply'))
    await world.quiet()
    assert.deepEqual(world.writes, [])
    assert.deepEqual(world.said(), [])
  })
})

it('confirm a difference of an object that was never seen equal, and take the API server’s answer', async () => {
  const world = new World()
  world.commits.set('c1', [web('1')])
  world.load('c1')
  // Admission changes every such object now: the canonical form from before does not show it.
  world.confirm = (_manifest, live) => {
    world.confirmed++
    return Promise.resolve(live)
  }
  const seen = world.write(web('mutated'), 'flux', 'Apply')
  await world.quiet()
  assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'inSync')
  for (let round = 0; round < 5; round++) world.write({ ...seen, status: { round } }, 'kubelet', 'Update', {})
  await world.quiet()
  assert.deepEqual({ writes: world.writes, confirmed: world.confirmed }, { writes: [], confirmed: 1 })
})

it('finish a repair that a crash cut in two', async () => {
  const world = new World()
  await world.start(web('1'))
  world.write(web('1'), 'gitops-guard', 'Update', own('a'))
  await world.quiet()
  assert.deepEqual(world.writes, ['hand back web as gitops-guard'])
})

it('act on nothing that another replica owns, and on nothing while paused', async () => {
  let mine = false
  const world = new World({ owns: () => mine })
  await world.start(web('1'))
  world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
  await world.quiet()
  assert.deepEqual(world.writes, [])
  mine = true
  world.reconciler.pause()
  world.reconciler.check(refOf(web('1')))
  await settle()
  assert.deepEqual(world.writes, [])
  world.reconciler.resume()
  await world.quiet()
  assert.deepEqual(world.data('web'), { a: '1', b: '1' })
})

it('repair at once what another replica left undone, reading nothing that is as Git says', async () => {
  let mine = false
  const world = new World({ owns: () => mine })
  await world.start(web('1'))
  world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
  await world.quiet()
  assert.deepEqual(world.writes, [])
  mine = true
  world.reconciler.shareChanged()
  await world.quiet()
  assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  const writes = world.writes.length
  world.reconciler.shareChanged()
  await world.quiet()
  assert.equal(world.writes.length, writes)
})

it('leave alone what is another replica’s now, and finish a repair that it left half done', async () => {
  let mine = false
  const world = new World({ owns: () => mine })
  await world.start(web('1'))
  world.write(web('1'), 'gitops-guard', 'Update', own('a'))
  await world.quiet()
  assert.deepEqual(world.writes, [])
  mine = true
  world.reconciler.shareChanged()
  await world.quiet()
  assert.deepEqual(world.writes, ['hand back web as gitops-guard'])
  mine = false
  world.reconciler.shareChanged()
  world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
  await world.quiet()
  assert.deepEqual(world.writes, ['hand back web as gitops-guard'])
})

it('tell the first commit that the guard sees from drift while it is young', async () => {
  const world = new World()
  world.commits.set('c1', [web('2')])
  world.write(web('1'), 'flux', 'Apply')
  world.load('c1', world.clock.now() - 10_000)
  world.reconciler.check(refOf(web('1')))
  await world.quiet()
  assert.equal(world.reconciler.statusOf(refOf(web('1'))), 'pending')
  assert.deepEqual(world.writes, [])
})

it('repair at once what the agent had brought in, however young the commit is', async () => {
  const world = new World()
  world.commits.set('c1', [web('1')])
  world.write(web('1'), 'flux', 'Apply')
  world.load('c1', world.clock.now() - 1_000)
  world.reconciler.check(refOf(web('1')))
  await world.quiet()
  world.write(web('evil'), 'kubectl-patch', 'Update', own('a'))
  await world.quiet()
  assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  world.remove(web('1'))
  await world.quiet()
  assert.deepEqual(world.data('web'), { a: '1', b: '1' })
})

describe('a source whose agent may do less than the guard', () => {
  it('gets back what was once seen as its commit has it', async () => {
    const world = new World({ source: { limited: true } })
    await world.start(web('1'))
    world.write(web('evil'), 'kubectl-edit', 'Update', own('a'))
    await world.quiet()
    assert.deepEqual(world.data('web'), { a: '1', b: '1' })
  })

  it('gets nothing that its agent has not brought in, however long that takes: it is told once', async () => {
    const world = new World({ source: { limited: true } })
    await world.start(web('1'))
    // The API server may refuse its agent this very commit.
    world.commits.set('c2', [web('2')])
    world.tip = 'c2'
    world.load('c2')
    await world.quiet()
    world.progress = { revision: 'c2', state: 'applied', at: 0 }
    world.remove(web('2'))
    await world.quiet()
    for (let minutes = 0; minutes < 5; minutes++) await world.clock.advance(61_000)
    assert.equal(world.data('web'), undefined)
    assert.deepEqual(world.writes, [])
    assert.deepEqual(world.said(), ['agent-lags'])
  })
})
