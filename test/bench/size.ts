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
  coldCpu: number
  cachedSeconds: number
  cachedCpu: number
  memoryMiB: number
  peakMiB: number
  /** Of a core, at rest. */
  restCpu: number
  /** At rest, without watches. */
  requestsPerMinute: number
  /** The slowest kind's median repair, in floors. */
  repairFloors: number
}

export async function benchSize(options: SizeOptions): Promise<void> {
  const results: Size[] = []
  for (const size of options.sizes) {
    results.push(await benchOne(size, options))
    printGrowth(results)
  }
}

const COLUMNS: readonly (readonly [name: string, of: (size: Size) => string])[] = [
  ['objects', ({ objects }) => String(objects)],
  ['cold s', ({ coldSeconds }) => coldSeconds.toFixed(1)],
  ['CPU s', ({ coldCpu }) => coldCpu.toFixed(1)],
  ['CPU ms each', ({ coldCpu, objects }) => ((coldCpu * 1000) / objects).toFixed(2)],
  ['cached s', ({ cachedSeconds }) => cachedSeconds.toFixed(1)],
  ['CPU s', ({ cachedCpu }) => cachedCpu.toFixed(1)],
  ['CPU ms each', ({ cachedCpu, objects }) => ((cachedCpu * 1000) / objects).toFixed(2)],
  ['MiB', ({ memoryMiB }) => memoryMiB.toFixed(0)],
  ['peak', ({ peakMiB }) => peakMiB.toFixed(0)],
  ['KiB each', ({ memoryMiB, objects }) => ((memoryMiB * 1024) / objects).toFixed(1)],
  ['rest % core', ({ restCpu }) => (restCpu * 100).toFixed(2)],
  ['requests/min', ({ requestsPerMinute }) => requestsPerMinute.toFixed(0)],
  ['repair floors', ({ repairFloors }) => repairFloors.toFixed(2)],
]

function printGrowth(results: readonly Size[]): void {
  const rows = [COLUMNS.map(([name]) => name), ...results.map((size) => COLUMNS.map(([, of]) => of(size)))]
  const width = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  console.log(`Growth (load average ${load()}):`)
  for (const row of rows)
    console.log(`  ${row.map((cell, column) => cell.padStart(width[column]!)).join('  ')}`)
  for (const [index, now] of results.entries()) {
    const before = results[index - 1]
    if (before === undefined) continue
    const more = now.objects - before.objects
    const kib = ((now.memoryMiB - before.memoryMiB) * 1024) / more
    const each = (a: number, b: number) => (((b - a) * 1000) / more).toFixed(2)
    console.log(
      `  for each object more than ${before.objects}, up to ${now.objects}: ${kib.toFixed(1)} KiB, ${each(before.coldCpu, now.coldCpu)} ms of CPU cold, ${each(before.cachedCpu, now.cachedCpu)} ms cached`,
    )
  }
  printAims(results)
}

/** Seconds say something on a quiet machine only: look at the load average beside them. */
function printAims(results: readonly Size[]): void {
  const say = (what: string, good: boolean) => console.log(`  ${what}: ${good ? 'met' : 'NOT MET'}`)
  const ten = results.find(({ objects }) => objects >= 10_000 && objects < 20_000)
  const fifty = results.find(({ objects }) => objects >= 50_000)
  if (ten !== undefined) {
    say(`${ten.memoryMiB.toFixed(0)} MiB, the aim is at most 250`, ten.memoryMiB <= 250)
    say(`cold ${ten.coldSeconds.toFixed(1)} s, the aim is below 90`, ten.coldSeconds < 90)
    say(`cached ${ten.cachedSeconds.toFixed(1)} s, the aim is below 15`, ten.cachedSeconds < 15)
    say(`repair ${ten.repairFloors.toFixed(2)} floors, the aim is at most 3`, ten.repairFloors <= 3)
    const requests = ten.requestsPerMinute
    say(`${requests.toFixed(0)} requests a minute, the aim is the Lease's 30 or so`, requests < 60)
  }
  if (ten === undefined || fifty === undefined) return
  const [kibTen, kibFifty] = [ten, fifty].map(({ memoryMiB, objects }) => (memoryMiB * 1024) / objects)
  const what = `${kibFifty!.toFixed(1)} KiB an object, the aim is at most that of the smaller size, ${kibTen!.toFixed(1)}`
  say(what, kibFifty! <= kibTen!)
}

async function benchOne(size: number, options: SizeOptions): Promise<Size> {
  const world = await DeclaredWorld.open(size, (line) => console.error(line))
  try {
    console.log(`${world.objects} declared objects (load average ${load()}):`)
    const guard = await world.guard('guard')
    const cold = await compared(world, guard, 'first full comparison, cold')
    await guard.end('SIGTERM')
    const cached = await compared(world, guard, 'with cached canonical forms')
    await guard.ready()
    const atRest = await rest(guard, options.restSeconds)
    console.log(
      `  comparisons in one process: ${(await comparisonsPerSecond(world)).toFixed(0)} a second of CPU`,
    )
    const repairFloors = await repairs(world, options.repairs)
    if (options.stormSeconds > 0) await benchStorm(world, guard, options.stormSeconds)
    const after = await guard.memory()
    console.log(`  at the end: ${after.now.toFixed(0)} MiB resident, load average ${load()}`)
    return {
      objects: world.objects,
      coldSeconds: cold.seconds,
      coldCpu: cold.cpu,
      cachedSeconds: cached.seconds,
      cachedCpu: cached.cpu,
      peakMiB: Math.max(cold.peak, after.peak),
      ...atRest,
      repairFloors,
    }
  } finally {
    await world.close()
  }
}

/** Starts a guard; what it took until everything is known to be as Git says. */
async function compared(
  world: DeclaredWorld,
  guard: GuardChild,
  what: string,
): Promise<{ seconds: number; cpu: number; peak: number }> {
  await guard.launch()
  // A loaded machine may need many times as long as a quiet one.
  const seconds = await guard.inSync(world.objects, (line) => console.error(line), 600 + world.objects / 10)
  const [cpu, { peak }] = await Promise.all([guard.cpuSeconds(), guard.memory()])
  console.log(
    `  ${what}: ${seconds.toFixed(1)} s (${cpu.toFixed(1)} s of CPU, ${peak.toFixed(0)} MiB at most, load average ${load()})`,
  )
  return { seconds, cpu, peak }
}

async function rest(
  guard: GuardChild,
  seconds: number,
): Promise<Pick<Size, 'memoryMiB' | 'restCpu' | 'requestsPerMinute'>> {
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
  return { memoryMiB: now, restCpu: cpu, requestsPerMinute: requests - watches }
}

/** The slowest kind's median, in floors. */
async function repairs(world: DeclaredWorld, count: number): Promise<number> {
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
  let slowest = 0
  for (const { kind } of [CONFIG_MAPS, DEPLOYMENTS]) {
    const line = (who: string) => {
      const all = times.get(`${kind} ${who}`) ?? []
      return `${quantile(all, 0.5).toFixed(1)} / ${quantile(all, 0.99).toFixed(1)} ms`
    }
    const ratio = quantile(times.get(`${kind} guard`)!, 0.5) / quantile(times.get(`${kind} floor`)!, 0.5)
    slowest = Math.max(slowest, ratio)
    console.log(
      `  ${kind} repaired in ${line('guard')}, floor ${line('floor')} (median / 99th percentile of ${times.get(`${kind} guard`)!.length}), ratio ${ratio.toFixed(2)}`,
    )
  }
  return slowest
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
