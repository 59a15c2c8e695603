/** `make bench`: what reviews and repairs cost beside a floor measured in the same run. `node test/bench/main.ts [admission] [repair] [size] [storm] [replicas] [--all]` */
import { benchAdmission } from './admission-server.ts'
import { benchRepair } from './repair.ts'
import { benchSize } from './size.ts'

const wanted = process.argv.slice(2)
const named = wanted.filter((word) => !word.startsWith('--'))
const wants = (name: string) => (named.length === 0 && name !== 'storm') || named.includes(name)

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
if (wants('size')) {
  console.log('Size: ConfigMaps and Deployments, one namespace for each hundred')
  // eslint-disable-next-line no-restricted-properties -- how much to measure
  const sizes = process.env['BENCH_SIZES']?.split(',').map(Number)
  const most = wanted.includes('--all') ? [1_000, 10_000, 50_000] : [1_000, 10_000]
  await benchSize({ sizes: sizes ?? most, restSeconds: 30, repairs: 500, stormSeconds: 30 })
}
