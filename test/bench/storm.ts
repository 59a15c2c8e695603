import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatWindow } from '../../src/demo/chat-window.ts'
import { DEPLOYMENTS, type DeclaredWorld } from './declared-world.ts'
import type { GuardChild } from './guard-child.ts'

const PER_SECOND = 500
/** Of a core: what 500 status updates a second may cost. */
const CORE = 0.25
/** Samples of memory; growth is the mean of the last third less that of the second. */
const SAMPLES = 30

/** Status updates on declared Deployments, 500 a second: what they cost the guard. */
export async function benchStorm(world: DeclaredWorld, guard: GuardChild, seconds: number): Promise<void> {
  const deployments = Array.from({ length: Math.min(500, world.count / 2) }, (_, index) =>
    world.target(2 * index + 1),
  )
  const requests = () => guard.metric('gitops_guard_api_requests_total')
  const watched = () => guard.metric('gitops_guard_api_requests_total', { method: 'watch' })
  const before = { cpu: await guard.cpuSeconds(), asked: await requests(), watches: await watched() }
  const start = performance.now()
  const memory: number[] = []
  const written = await paced(PER_SECOND, seconds, async (index) => {
    const { namespace, name } = deployments[index % deployments.length]!
    const patch = { status: { observedGeneration: 1, replicas: index, unavailableReplicas: index } }
    const at = { namespace, name, subresource: 'status' }
    await world.agent.patch(DEPLOYMENTS, at, patch, { type: 'application/merge-patch+json' })
    // By time, as a busy machine writes fewer.
    if (performance.now() - start < ((memory.length + 1) * seconds * 1000) / SAMPLES) return
    memory.push(0)
    memory[memory.length - 1] = (await guard.memory()).now
    if (memory.length % 5 === 0)
      console.error(`  storm: ${index + 1} status updates, ${memory.at(-1)!.toFixed(0)} MiB`)
  })
  const took = (performance.now() - start) / 1000
  const used = (await guard.cpuSeconds()) - before.cpu
  const perSecond = written / took
  const watches = (await watched()) - before.watches
  const asked = (await requests()) - before.asked - watches
  const rate = perSecond.toFixed(0)
  const cost = `${(used / took).toFixed(3)} of a core, ${((used * 1e6) / written).toFixed(0)} µs of CPU each`
  console.log(
    `  storm: ${rate} status updates a second for ${took.toFixed(0)} s: ${cost}, ${asked} requests and ${watches} watches (load average ${load()})`,
  )
  const share = used / took
  const verdict =
    perSecond < 0.9 * PER_SECOND
      ? `not measured, as this machine writes only ${rate} a second: run it alone`
      : met(share < CORE)
  console.log(`  storm: the aim at ${PER_SECOND} a second is below ${CORE} of a core: ${verdict}`)
  const third = Math.floor(memory.length / 3)
  const grown = mean(memory.slice(-third)) - mean(memory.slice(third, 2 * third))
  console.log(
    `  storm: memory ${memory.map((mib) => mib.toFixed(0)).join(' ')} MiB, from the second third to the last ${grown.toFixed(1)} MiB; the aim is no growth: ${met(grown < 5)}`,
  )
}

/** A thousand rogue writes in ten seconds on as many objects. The guard must tell `chat`. */
export async function benchBurst(world: DeclaredWorld, guard: GuardChild, chat: ChatWindow): Promise<void> {
  const writes = Math.min(1000, world.count)
  const repaired = () => guard.metric('gitops_guard_drift_repaired_total')
  const delivered = () => guard.metric('gitops_guard_violations_delivered_total')
  const before = { repaired: await repaired(), delivered: await delivered(), messages: chat.messages.length }
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  let index = 0
  const one = async () => {
    await world.write(world.target(index++), 'rogue')
  }
  await paced(writes / 10, 10, one)
  // What a busy machine did not begin in time.
  while (index < writes) await one()
  const written = seconds()
  let differing = await world.differing()
  while (differing.length > 0 && seconds() < written + 120) {
    await sleep(100)
    differing = await world.differing()
  }
  const settled = seconds()
  while ((await delivered()) - before.delivered < writes && seconds() < settled + 90) await sleep(200)
  const told = (await delivered()) - before.delivered
  const messages = chat.messages.length - before.messages
  const counted = (await repaired()) - before.repaired
  console.log(
    `  burst: ${writes} rogue writes in ${written.toFixed(1)} s: ${differing.length} not as Git says ${(settled - written).toFixed(1)} s after the last, ${counted} repairs, ${told} told in ${messages} messages after ${seconds().toFixed(1)} s (load average ${load()})`,
  )
  const good = differing.length === 0 && counted === writes && told === writes && messages === 1
  console.log(`  burst: the aim is all repaired, none lost, one digest: ${met(good)}`)
  if (differing.length > 0) console.log(differing.slice(0, 10).join('\n'))
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

const load = () => loadavg()[0]!.toFixed(1)
const met = (good: boolean) => (good ? 'met' : 'NOT MET')
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
