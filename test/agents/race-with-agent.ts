import { it } from 'node:test'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { gitHttpServer } from '../git/http-server.ts'
import { testRepository } from '../git/test-repository.ts'
import { AuditRecord } from '../race/audit-record.ts'
import { RaceShop } from '../race/race-shop.ts'
import { Random } from '../race/random.ts'
import { runRace } from '../race/run-race.ts'
import { Witness } from '../race/witness.ts'
import type { RealAgent } from './story.ts'
import { TestGuard } from './test-guard.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'web-a', 'web-b', 'web-c']
const MS = 150_000
const DELAY_MS = 10_000

export interface AgentRaceOptions {
  title: string
  preset: string
  /** The agent's username, and the field manager that it writes under. */
  user: string
  manager: string
  install(plane: ControlPlane, shop: { repository: string; url: string; path: string }): Promise<RealAgent>
}

/** The race with a real agent: bursts of commits, the agent and the guard up to ten seconds apart in either direction, and alice. */
export function raceWithAgent({ title, preset, user, manager, install }: AgentRaceOptions): void {
  it(title, async (test) => {
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
    const agent = await install(plane, { repository: repository.path, url, path: 'prod' })
    test.after(() => agent.stop())
    await agent.bring(first)
    await agent.applied(first)
    const witness = new Witness(plane, 'shop')
    test.after(() => witness.stop())
    const guard = await TestGuard.start(plane, {
      mode: 'enforce',
      sources: [
        { name: 'shop', repository: url, ref: { branch: 'main' }, path: 'prod', poll: `${DELAY_MS / 1000}s` },
      ],
      agents: [{ preset }],
    })
    test.after(() => guard.stop())
    await runRace(test, {
      plane,
      guard,
      audit,
      witness,
      agent: user,
      shop,
      random,
      managers: ['kubectl-edit', 'kubectl-client-side-apply', manager],
      bring: (commit) => agent.bring(commit),
      settled: (commit) => agent.applied(commit),
      ms: MS,
      agentDelayMs: DELAY_MS,
      pauseMs: 6_000,
      editEveryMs: 700,
    })
  })
}
