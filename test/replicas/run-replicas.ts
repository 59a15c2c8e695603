/** Three replicas, one after the other killed and started again, while somebody writes past the webhook all the time. */
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../control-plane/free-port.ts'
import { DeclaredWorld } from '../bench/declared-world.ts'
import type { GuardChild } from '../bench/guard-child.ts'
import { paced } from '../bench/storm.ts'
import { LoadBalancer } from './load-balancer.ts'

export interface ReplicasOptions {
  objects: number
  seconds: number
  /** Between two kills. */
  killEverySeconds: number
  /** Until a killed one is started again. */
  downSeconds: number
  writesPerSecond: number
  /** The writes go on until so many were killed. */
  kills?: number
  say?: (line: string) => void
}

export interface ReplicasResult {
  writes: number
  kills: number
  /** Repairs that the replicas counted; those of a process that was killed since it was last asked are missing. */
  repairs: number
  /** What an outside client finds at the end that is not as Git says. */
  differing: string[]
  /** Seconds after the last write until all was as Git says. */
  settledSeconds: number
  /** Seconds from each kill until both others had the work shared among themselves. */
  missedSeconds: number[]
}

const NAMES = ['a', 'b', 'c'] as const

export async function runReplicas(options: ReplicasOptions): Promise<ReplicasResult> {
  const { objects, say = () => undefined } = options
  const world = await DeclaredWorld.open(objects, say)
  try {
    const ports = await Promise.all(NAMES.map(() => freePort()))
    const balancer = await LoadBalancer.open(ports)
    world.after(() => balancer.close())
    const replicas: GuardChild[] = []
    for (const [index, name] of NAMES.entries()) {
      replicas.push(
        await world.guard(name, { replica: name, webhookUrl: balancer.url, httpsPort: ports[index]! }),
      )
    }
    await Promise.all(replicas.map((replica) => replica.launch()))
    await Promise.all(replicas.map((replica) => replica.ready(180_000)))
    for (const replica of replicas) await sees(replica, (names) => names.length === 3, 180_000)
    say(`  three replicas share ${world.objects} objects (load average ${loadavg()[0]!.toFixed(1)})`)
    return await disturb(world, replicas, options)
  } finally {
    await world.close()
  }
}

async function disturb(world: DeclaredWorld, replicas: GuardChild[], options: ReplicasOptions) {
  const { seconds, killEverySeconds, downSeconds, writesPerSecond } = options
  const { kills: least = 1, say = () => undefined } = options
  const repairs = new Repairs(replicas)
  const missedSeconds: number[] = []
  let kills = 0
  let over = false
  const killing = (async () => {
    for (let turn = 0; ; turn++) {
      await sleep(killEverySeconds * 1000)
      if (over) return
      const victim = replicas[turn % replicas.length]!
      const name = NAMES[turn % replicas.length]!
      await repairs.read(victim)
      await victim.end('SIGKILL')
      repairs.restarts(victim)
      kills++
      const at = performance.now()
      const others = replicas.filter((replica) => replica !== victim)
      const missed = Promise.all(
        others.map((other) => sees(other, (names) => !names.includes(name), 120_000)),
      ).then(() => {
        missedSeconds.push((performance.now() - at) / 1000)
      })
      await Promise.all([sleep(downSeconds * 1000), missed])
      await victim.launch()
      say(`  killed ${kills}: missed after ${missedSeconds.at(-1)?.toFixed(1)} s`)
    }
  })()
  let refused = 0
  let writes = 0
  for (let round = 0; round === 0 || (kills < least && round < 10); round++) {
    writes += await paced(writesPerSecond, seconds, async (index) => {
      // A step that reaches all of them, in no order that the shares have.
      const target = world.target((index * 7919) % world.count)
      await world.write(target, `rogue-${round}-${index}`).catch(() => refused++)
    })
  }
  over = true
  const start = performance.now()
  const last = killing.catch((error: unknown) => error)
  let differing = await world.differing()
  while (differing.length > 0 && performance.now() - start < 90_000) {
    await sleep(250)
    differing = await world.differing()
  }
  const settledSeconds = (performance.now() - start) / 1000
  const failure = await last
  if (failure instanceof Error) throw failure
  for (const replica of replicas) await repairs.read(replica)
  return {
    writes: writes - refused,
    kills,
    repairs: repairs.total,
    differing,
    settledSeconds,
    missedSeconds,
  }
}

/** Counts repairs over restarts. */
class Repairs {
  readonly #now = new Map<GuardChild, number>()
  #before = 0

  constructor(replicas: readonly GuardChild[]) {
    for (const replica of replicas) this.#now.set(replica, 0)
  }

  get total(): number {
    return this.#before + [...this.#now.values()].reduce((sum, count) => sum + count, 0)
  }

  async read(replica: GuardChild): Promise<void> {
    if (replica.running) this.#now.set(replica, await replica.metric('gitops_guard_drift_repaired_total'))
  }

  restarts(replica: GuardChild): void {
    this.#before += this.#now.get(replica)!
    this.#now.set(replica, 0)
  }
}

/** Waits until what a replica's log said last of those that share the work is so. */
async function sees(
  replica: GuardChild,
  test: (members: readonly string[]) => boolean,
  ms: number,
): Promise<void> {
  for (const start = Date.now(); ; await sleep(100)) {
    const lines = (await replica.logTail(Infinity)).split('\n').filter((line) => line.includes('"members":'))
    const last = lines.at(-1)
    if (last !== undefined && test((JSON.parse(last) as { members: string[] }).members)) return
    if (Date.now() - start > ms)
      throw new Error(`not within ${ms} ms as expected: ${last}. The log ends:\n${await replica.logTail()}`)
  }
}
