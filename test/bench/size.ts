/**
 * What a guard costs as Git declares more: time until everything was compared once, memory, CPU and requests at rest,
 * comparisons a second, time to repair beside a floor of the same run.
 */
import { fork } from 'node:child_process'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Reflector } from '../../src/cluster/reflector.ts'
import { AGENT, CONFIG_MAPS, DEPLOYMENTS, DeclaredWorld, valueAt, type Target } from './declared-world.ts'
import { comparisonsPerSecond } from './comparisons.ts'
import type { GuardChild } from './guard-child.ts'
import { quantile } from './quantile.ts'
import { KINDS } from './repair.ts'
import { benchStorm } from './storm.ts'

export interface SizeOptions {
  sizes: readonly number[]
  /** Seconds at rest that are measured. */
  restSeconds: number
  repairs: number
  stormSeconds: number
}

interface Size {
  objects: number
  coldSeconds: number
  cachedSeconds: number
  memoryMiB: number
}

export async function benchSize(options: SizeOptions): Promise<void> {
  const results: Size[] = []
  for (const size of options.sizes) results.push(await benchOne(size, options))
  for (const [index, { objects, ...now }] of results.entries()) {
    const before = results[index - 1]
    if (before === undefined) continue
    const more = objects - before.objects
    const kib = ((now.memoryMiB - before.memoryMiB) * 1024) / more
    const ms = ((now.coldSeconds - before.coldSeconds) * 1000) / more
    const cachedMs = ((now.cachedSeconds - before.cachedSeconds) * 1000) / more
    console.log(
      `Growth from ${before.objects} to ${objects} objects, for each more: ${kib.toFixed(1)} KiB, ${ms.toFixed(2)} ms cold, ${cachedMs.toFixed(2)} ms cached`,
    )
  }
}

async function benchOne(size: number, options: SizeOptions): Promise<Size> {
  const world = await DeclaredWorld.open(size, (line) => console.error(line))
  try {
    console.log(`${world.objects} declared objects (load average ${load()}):`)
    const guard = await world.guard('guard')
    const coldSeconds = await compared(world, guard, 'cold')
    const cpu = async () => `${(await guard.cpuSeconds()).toFixed(1)} s of CPU`
    const peak = async () => `${(await guard.memory()).peak.toFixed(0)} MiB at most`
    console.log(
      `  first full comparison, cold: ${coldSeconds.toFixed(1)} s (${await cpu()}, ${await peak()})`,
    )
    await guard.end('SIGTERM')
    const cachedSeconds = await compared(world, guard, 'cached')
    console.log(
      `  with cached canonical forms: ${cachedSeconds.toFixed(1)} s (${await cpu()}, ${await peak()})`,
    )
    await guard.ready()
    const memoryMiB = await rest(guard, options.restSeconds)
    console.log(
      `  comparisons in one process: ${(await comparisonsPerSecond(world)).toFixed(0)} a second of CPU`,
    )
    await repairs(world, options.repairs)
    if (options.stormSeconds > 0) await benchStorm(world, guard, options.stormSeconds)
    const after = await guard.memory()
    console.log(`  at the end: ${after.now.toFixed(0)} MiB resident, load average ${load()}`)
    return { objects: world.objects, coldSeconds, cachedSeconds, memoryMiB }
  } finally {
    await world.close()
  }
}

/** Starts a guard; seconds until everything is known to be as Git says. */
async function compared(world: DeclaredWorld, guard: GuardChild, what: string): Promise<number> {
  const start = performance.now()
  await guard.launch()
  for (let said = 0; ;) {
    const seconds = (performance.now() - start) / 1000
    const inSync = await guard.metric('gitops_guard_objects', { status: 'inSync' })
    if (inSync >= world.objects) return seconds
    if (!guard.runs || seconds > 900)
      throw new Error(`only ${inSync} are in sync after ${seconds} s\n${await guard.logTail()}`)
    if (seconds - said > 10) {
      said = seconds
      console.error(`  ${what}: ${inSync} of ${world.objects} after ${seconds.toFixed(0)} s`)
    }
    await sleep(200)
  }
}

async function rest(guard: GuardChild, seconds: number): Promise<number> {
  await sleep(3_000)
  const asked = () => guard.metric('gitops_guard_api_requests_total')
  const watched = () => guard.metric('gitops_guard_api_requests_total', { method: 'watch' })
  const before = { requests: await asked(), watches: await watched(), cpu: await guard.cpuSeconds() }
  await sleep(seconds * 1000)
  const requests = (((await asked()) - before.requests) * 60) / seconds
  const watches = (((await watched()) - before.watches) * 60) / seconds
  const cpu = ((await guard.cpuSeconds()) - before.cpu) / seconds
  const { now, peak } = await guard.memory()
  console.log(`  memory: ${now.toFixed(0)} MiB resident, ${peak.toFixed(0)} MiB at most so far`)
  console.log(
    `  at rest: ${(cpu * 100).toFixed(2)}% of a core, ${requests.toFixed(0)} requests a minute, of which 30 renew the Lease and ${watches.toFixed(0)} open a watch again`,
  )
  return now
}

async function repairs(world: DeclaredWorld, count: number): Promise<void> {
  const { agent } = world
  // A guarded one, as the API server asks itself there whether to ask the webhook.
  const floorNamespace = world.target(0).namespace
  const floors = KINDS.map(({ resource, pointer, git }) => ({
    resource,
    pointer,
    git: String(git),
    namespace: floorNamespace,
    name: 'floor',
  }))
  await makeFloor(world, floorNamespace)
  const healer = fork(new URL('floor-healer.ts', import.meta.url), [
    world.plane.kubeconfig(AGENT),
    floorNamespace,
    'floor',
  ])
  world.after(() => healer.kill())
  await new Promise((resolve) => healer.once('message', resolve))
  const waiting = new Map<string, { target: Target; seen: () => void }>()
  const watches = [CONFIG_MAPS, DEPLOYMENTS].map((resource) => {
    const watch = new Reflector({
      api: agent,
      resource,
      wants: (namespace, name) => waiting.has(`${resource.kind} ${namespace}/${name}`),
      onEvent: (_, object) => {
        const { namespace, name } = object.metadata
        const wait = waiting.get(`${resource.kind} ${String(namespace)}/${String(name)}`)
        if (wait !== undefined && valueAt(object, wait.target.pointer) === wait.target.git) wait.seen()
      },
    })
    watch.start()
    return watch
  })
  while (!watches.every((watch) => watch.state().synced)) await sleep(20)
  const times = new Map<string, number[]>()
  const once = async (who: string, target: Target, round: number) => {
    const { kind } = target.resource
    const key = `${kind} ${target.namespace}/${target.name}`
    const seen = new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${key} was not put back in 60 s`)), 60_000)
      const done = () => {
        clearTimeout(timer)
        resolve(performance.now())
      }
      waiting.set(key, { target, seen: done })
    })
    await world.write(target, `rogue-${round}`)
    const written = performance.now()
    const ms = Math.max(0, (await seen) - written)
    waiting.delete(key)
    const name = `${kind} ${who}`
    times.set(name, [...(times.get(name) ?? []), ms])
  }
  const step = Math.max(1, Math.floor(world.count / count))
  for (let round = 0; round < count; round++) {
    // Steps that are odd reach both kinds in turn.
    const target = world.target((round * (step | 1)) % world.count)
    await once('guard', target, round)
    await once(
      'floor',
      floors.find(({ resource }) => resource.kind === target.resource.kind) as Target,
      round,
    )
    await sleep(30)
    if (round % 100 === 99) console.error(`  repairs: ${round + 1} of ${count}`)
  }
  await Promise.all(watches.map((watch) => watch.stop()))
  healer.kill()
  for (const { kind } of [CONFIG_MAPS, DEPLOYMENTS]) {
    const line = (who: string) => {
      const all = times.get(`${kind} ${who}`) ?? []
      return `${quantile(all, 0.5).toFixed(1)} / ${quantile(all, 0.99).toFixed(1)} ms`
    }
    const ratio = quantile(times.get(`${kind} guard`)!, 0.5) / quantile(times.get(`${kind} floor`)!, 0.5)
    console.log(
      `  ${kind} repaired in ${line('guard')}, floor ${line('floor')} (median / 99th percentile of ${times.get(`${kind} guard`)!.length}), ratio ${ratio.toFixed(2)}`,
    )
  }
}

async function makeFloor({ agent }: DeclaredWorld, namespace: string): Promise<void> {
  const metadata = { name: 'floor', namespace }
  await agent.apply(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { colour: 'blue' } })
  const labels = { app: 'floor' }
  const spec = { containers: [{ name: 'app', image: 'example.com/app:1' }] }
  await agent.apply(DEPLOYMENTS, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  })
}

const load = () => loadavg()[0]!.toFixed(1)
