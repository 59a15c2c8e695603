/** `make bench`: what reviews and repairs cost beside a floor measured in the same run. `node test/bench/main.ts [admission] [repair]` */
import { benchAdmission } from './admission-server.ts'
import { benchRepair } from './repair.ts'

const wanted = process.argv.slice(2)
const wants = (name: string) => wanted.length === 0 || wanted.includes(name)

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
