import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { GuardProcess } from '../../src/demo/guard-process.ts'
import { builtCli } from '../e2e/built-cli.ts'
import { sumOfMetric } from '../e2e/sum-of-metric.ts'

/** The same for a whole run, whatever is built meanwhile. */
let cli: Promise<string> | undefined

/** The guard as it is measured. */
export class GuardChild extends GuardProcess {
  /** Does not wait until it is ready. */
  async launch(): Promise<void> {
    cli ??= builtCli()
    this.launchFrom(await cli)
  }

  /** Resolves with the seconds until so many objects are known to be as Git says. */
  async inSync(objects: number, say: (line: string) => void, mostSeconds = 900): Promise<number> {
    const start = performance.now()
    for (let said = 0; ;) {
      const seconds = (performance.now() - start) / 1000
      const inSync = await this.metric('gitops_guard_objects', { status: 'inSync' })
      if (inSync >= objects) return seconds
      if (!this.running || seconds > mostSeconds)
        throw new Error(`only ${inSync} are in sync after ${seconds} s\n${await this.logTail(20)}`)
      if (seconds - said > 10) {
        said = seconds
        say(`  ${inSync} of ${objects} compared after ${seconds.toFixed(0)} s`)
      }
      // Seldom enough that asking costs the guard nothing that counts.
      await sleep(300)
    }
  }

  /** The sum of a metric over the series with these labels; 0 where there is none or nobody answers. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = await fetch(`${this.url}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    )
    return sumOfMetric(text, name, labels)
  }

  /** Seconds of CPU since it started. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime and stime, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
}
