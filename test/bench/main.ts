/** `make bench`: what reviews and repairs cost beside a floor measured in the same run. `node test/bench/main.ts [admission] [repair] [writes] [size] [storm] [replicas] [--all]` */
import { benchAdmission } from './admission-server.ts'
import { benchRepair } from './repair.ts'
import { runReplicas } from '../replicas/run-replicas.ts'
import { DeclaredWorld } from './declared-world.ts'
import { benchSize } from './size.ts'
import { benchStorm } from './storm.ts'
import { benchWriteCost } from './write-cost.ts'

const wanted = process.argv.slice(2)
const named = wanted.filter((word) => !word.startsWith('--'))
const wants = (name: string) => named.length === 0 || named.includes(name)

if (wants('admission')) {
  console.log('Admission: 10,000 reviews of 6 KB, 64 at a time')
  const { guard, echo, ratio } = await benchAdmission()
  const line = (of: typeof guard) =>
    `${of.perSecond.toFixed(0)} a second, ${of.cpuPerReview.toFixed(0)} µs of CPU each, ${of.median.toFixed(1)} / ${of.p99.toFixed(1)} / ${of.max.toFixed(1)} ms (median / 99th percentile / longest), ${of.errors} errors`
  console.log(`  guard: ${line(guard)}`)
  console.log(`  echo:  ${line(echo)}`)
  console.log(`  CPU a review: ${ratio.toFixed(2)} times a bare node:https echo`)
}
if (wants('repair')) {
  console.log('Repair: from the answer to the rogue write until a second client sees Git again')
  await benchRepair()
}
if (wants('writes')) {
  console.log('Writes: through the API server, with the guard and without')
  await benchWriteCost()
}
if (wants('size')) {
  console.log('Size: ConfigMaps and Deployments, one namespace for each hundred')
  const sizes = process.env['BENCH_SIZES']?.split(',').map(Number)
  const most = wanted.includes('--all') ? [1_000, 10_000, 50_000] : [1_000, 10_000]
  await benchSize({ sizes: sizes ?? most, restSeconds: 30, repairs: 500, stormSeconds: 30 })
}
if (named.includes('storm')) {
  console.log('Storm: status updates on declared Deployments for 10 minutes')
  const world = await DeclaredWorld.open(1_000, (line) => console.error(line))
  try {
    const guard = await world.guard('guard')
    await guard.launch()
    await guard.ready()
    await benchStorm(world, guard, 600)
  } finally {
    await world.close()
  }
}
if (named.includes('replicas')) {
  console.log('Replicas: three, one killed every 20 s for 3 minutes under 50 rogue writes a second')
  const result = await runReplicas({
    objects: 10_000,
    seconds: 180,
    killEverySeconds: 20,
    downSeconds: 1,
    writesPerSecond: 50,
    say: (line) => console.error(line),
  })
  const missed = result.missedSeconds.map((seconds) => seconds.toFixed(1)).join(', ')
  console.log(
    `  ${result.writes} writes, ${result.kills} kills, ${result.repairs} repairs counted; ${result.differing.length} objects are not as Git says ${result.settledSeconds.toFixed(1)} s after the last write; a dead replica was missed after ${missed} s`,
  )
}
