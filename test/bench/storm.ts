import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEPLOYMENTS, type DeclaredWorld } from './declared-world.ts'
import type { GuardChild } from './guard-child.ts'

const PER_SECOND = 500

/** Status updates on declared Deployments, 500 a second: what they cost the guard. */
export async function benchStorm(world: DeclaredWorld, guard: GuardChild, seconds: number): Promise<void> {
  const deployments = Array.from({ length: Math.min(500, world.count / 2) }, (_, index) =>
    world.target(2 * index + 1),
  )
  const requests = () => guard.metric('gitops_guard_api_requests_total')
  const before = { cpu: await guard.cpuSeconds(), asked: await requests() }
  const start = performance.now()
  const memory: number[] = []
  const written = await paced(PER_SECOND, seconds, async (index) => {
    const { namespace, name } = deployments[index % deployments.length]!
    const patch = { status: { observedGeneration: 1, replicas: index, unavailableReplicas: index } }
    const at = { namespace, name, subresource: 'status' }
    await world.agent.patch(DEPLOYMENTS, at, patch, { type: 'application/merge-patch+json' })
    if (index % Math.max(1, Math.floor((PER_SECOND * seconds) / 10)) === 0)
      memory.push((await guard.memory()).now)
  })
  const took = (performance.now() - start) / 1000
  const cpu = ((await guard.cpuSeconds()) - before.cpu) / took
  const asked = (await requests()) - before.asked
  console.log(
    `  storm: ${(written / took).toFixed(0)} status updates a second for ${took.toFixed(0)} s: ${cpu.toFixed(3)} of a core, ${asked} requests, memory ${memory.map((mib) => mib.toFixed(0)).join(' ')} MiB (load average ${loadavg()[0]!.toFixed(1)})`,
  )
}

/** Begins so many a second, at most 64 at the same time; returns how many were done. */
export async function paced(
  perSecond: number,
  seconds: number,
  work: (index: number) => Promise<void>,
): Promise<number> {
  const underWay = new Set<Promise<void>>()
  const start = performance.now()
  let begun = 0
  for (;;) {
    const elapsed = (performance.now() - start) / 1000
    if (elapsed >= seconds) break
    const due = Math.min(perSecond * seconds, Math.floor(elapsed * perSecond) + 1)
    while (begun < due && underWay.size < 64) {
      const one = work(begun++).finally(() => underWay.delete(one))
      underWay.add(one)
    }
    // What was late is not made up for in a heap.
    await (underWay.size >= 64 ? Promise.race(underWay) : sleep(2))
  }
  await Promise.all(underWay)
  return begun
}
