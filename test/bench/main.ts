/** `make bench`: what reviews and repairs cost beside a floor measured in the same run. `node test/bench/main.ts [admission] [repair] [writes] [traffic] [rendering [OBJECTS]] [size [OBJECTS...]] [storm [SECONDS]] [replicas] [--all]` */
import { benchAdmission } from './admission-server.ts'
import { ChatWindow } from '../../src/demo/chat-window.ts'
import { benchRepair } from './repair.ts'
import { runReplicas } from '../replicas/run-replicas.ts'
import { DeclaredWorld } from './declared-world.ts'
import { benchRendering } from './rendering.ts'
import { benchSize } from './size.ts'
import { benchBurst, benchStorm } from './storm.ts'
import { benchTraffic } from './traffic.ts'
import { benchWriteCost } from './write-cost.ts'

const wanted = process.argv.slice(2)
const named = wanted.filter((word) => /^[a-z]/.test(word))
const wants = (name: string) => named.length === 0 || named.includes(name)
/** The numbers that follow a name. */
const numbers = (name: string) => {
  const after = wanted.slice(wanted.indexOf(name) + 1)
  const end = after.findIndex((word) => !/^\d+$/.test(word))
  return wanted.includes(name) ? after.slice(0, end < 0 ? undefined : end).map(Number) : []
}

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
if (wants('traffic')) {
  console.log('Traffic: what of a busy cluster reaches the webhook')
  await benchTraffic()
}
if (wants('rendering')) {
  const [objects = 5_000] = numbers('rendering')
  console.log(`Rendering: one of ${objects.toLocaleString('en')} manifests changes`)
  await benchRendering(objects)
}
if (wants('size')) {
  console.log('Size: ConfigMaps and Deployments, one namespace for each hundred')
  const sizes = numbers('size')
  const most = wanted.includes('--all') ? [1_000, 10_000, 50_000] : [1_000, 10_000]
  await benchSize({
    sizes: sizes.length > 0 ? sizes : most,
    restSeconds: 30,
    repairs: 500,
    stormSeconds: 30,
  })
}
if (named.includes('storm')) {
  const [seconds = 600] = numbers('storm')
  console.log(
    `Storm: 500 status updates a second on declared Deployments for ${seconds} s, then a burst of rogue writes`,
  )
  const world = await DeclaredWorld.open(1_000, (line) => console.error(line))
  try {
    const chat = await ChatWindow.open()
    world.after(() => chat.close())
    const guard = await world.guard('guard', {
      more: 'notify:\n  - slack: { url: { env: SLACK_URL } }\n',
      env: { SLACK_URL: chat.url },
    })
    await guard.launch()
    await guard.inSync(world.objects, (line) => console.error(line))
    await guard.ready()
    await benchStorm(world, guard, seconds)
    await benchBurst(world, guard, chat)
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
