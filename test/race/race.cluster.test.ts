/** The race: an agent without progress that is ahead of the guard or behind it, and alice, who writes past the guard meanwhile. */
import { it } from 'node:test'
import { TestGuard } from '../agents/test-guard.ts'
import { startControlPlane } from '../control-plane/control-plane.ts'
import { testRepository } from '../git/test-repository.ts'
import { AuditRecord } from './audit-record.ts'
import { CI, CiAgent } from './ci-agent.ts'
import { RaceShop } from './race-shop.ts'
import { Random } from './random.ts'
import { runRace } from './run-race.ts'
import { Witness } from './witness.ts'

const NAMES = ['a-ssa', 'b-ssa', 'web-ssa', 'a-csa', 'b-csa', 'web-csa', 'a-replace', 'web-replace']
const MS = 20_000
const DELAY_MS = 4_000

it('undo every edit of alice and no write of a CI job that races with the guard', async (test) => {
  const seed = Number(process.env.SEED ?? Date.now() % 100_000)
  test.diagnostic(`SEED=${seed}`)
  const random = new Random(seed)
  const repository = testRepository(test)
  const shop = new RaceShop(repository, random, NAMES)
  const first = shop.open()
  const audit = new AuditRecord('shop')
  const plane = await startControlPlane({ apiServerArgs: audit.apiServerArgs })
  test.after(() => plane.stop())
  await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
  await plane.kubectl(CI, ['create', 'namespace', 'shop'])
  const agent = new CiAgent(plane, shop, repository)
  await agent.bring(first)
  const witness = new Witness(plane, 'shop')
  test.after(() => witness.stop())
  const guard = await TestGuard.start(plane, {
    mode: 'enforce',
    // Longer than the agent is ever late: what alice writes in its name meanwhile waits for so long.
    graceSeconds: 15,
    sources: [
      {
        name: 'shop',
        repository: repository.path,
        ref: { branch: 'main' },
        path: 'prod',
        poll: `${DELAY_MS / 1000}s`,
      },
    ],
    agents: [{ user: CI }],
  })
  test.after(() => guard.stop())
  await runRace(test, {
    plane,
    guard,
    audit,
    witness,
    agent: CI,
    shop,
    random,
    managers: ['kubectl-edit', 'kubectl-edit', 'deployer', 'kubectl-client-side-apply', 'kubectl-replace'],
    bring: (commit) => agent.bring(commit),
    settled: () => Promise.resolve(),
    ms: MS,
    agentDelayMs: DELAY_MS,
    pauseMs: 3_000,
    editEveryMs: 200,
  })
})
