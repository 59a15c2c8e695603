/** The race with the real Flux: bursts of commits, up to ten seconds apart from the guard in either direction, and alice. */
import { it } from 'node:test'
import { startControlPlane } from '../control-plane/control-plane.ts'
import { gitHttpServer } from '../git/http-server.ts'
import { testRepository } from '../git/test-repository.ts'
import { AuditRecord } from '../race/audit-record.ts'
import { RaceShop } from '../race/race-shop.ts'
import { Random } from '../race/random.ts'
import { runRace } from '../race/run-race.ts'
import { Witness } from '../race/witness.ts'
import { Flux } from './flux.ts'
import { TestGuard } from './test-guard.ts'

const AGENT = 'system:serviceaccount:flux-system:kustomize-controller'
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'web-a', 'web-b', 'web-c']
const MS = 150_000
const DELAY_MS = 10_000

it('undo every edit of alice and no write of Flux that races with the guard', async (test) => {
  const seed = Number(process.env.SEED ?? Date.now() % 100_000)
  test.diagnostic(`SEED=${seed}`)
  const random = new Random(seed)
  const repository = testRepository(test)
  const git = await gitHttpServer(test, repository.base)
  const url = `${git.origin}/work/.git`
  const shop = new RaceShop(repository, random, NAMES)
  const first = shop.open()
  const audit = new AuditRecord('shop')
  const plane = await startControlPlane({ apiServerArgs: audit.apiServerArgs })
  test.after(() => plane.stop())
  const flux = await Flux.install(plane, { repository: repository.path, url, path: 'prod' })
  test.after(() => flux.stop())
  await flux.publish(first)
  await flux.applied(first)
  const witness = new Witness(plane, 'shop')
  test.after(() => witness.stop())
  const guard = await TestGuard.start(plane, {
    mode: 'enforce',
    sources: [
      { name: 'shop', repository: url, ref: { branch: 'main' }, path: 'prod', poll: `${DELAY_MS / 1000}s` },
    ],
    agents: [{ preset: 'flux' }],
  })
  test.after(() => guard.stop())
  await runRace(test, {
    plane,
    guard,
    audit,
    witness,
    agent: AGENT,
    shop,
    random,
    managers: ['kubectl-edit', 'kubectl-client-side-apply', 'kustomize-controller'],
    bring: (commit) => flux.publish(commit),
    settled: (commit) => flux.applied(commit),
    ms: MS,
    agentDelayMs: DELAY_MS,
    pauseMs: 6_000,
    editEveryMs: 700,
  })
})
