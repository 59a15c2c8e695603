import { readFile } from 'node:fs/promises'
import { GuardProcess } from '../../src/demo/guard-process.ts'
import { builtCli } from './built-cli.ts'
import { sumOfMetric } from './sum-of-metric.ts'
import { until } from './until.ts'

/** One line of the guard's log. */
export type LogLine = Record<string, unknown> & { msg: string; level: string }

/** The guard in an end-to-end test: what it says, logs and counts. */
export class GuardRun extends GuardProcess {
  /** For commands that look at the same configuration and cluster. */
  get about(): string[] {
    return [`--config=${this.options.config}`, `--kubeconfig=${this.options.kubeconfig}`]
  }

  /** Starts it and waits until it is ready. Throws with the end of its log where it is not. */
  async start(): Promise<void> {
    await this.launch()
    await this.ready()
  }

  /** Starts it without waiting, from a bundle that is built first where it is old. */
  async launch(): Promise<void> {
    this.launchFrom(await builtCli())
  }

  /** What `/readyz` says; '' where nobody listens. */
  async readyz(): Promise<string> {
    return (await (await this.answer())?.text()) ?? ''
  }

  /** Waits until `/readyz` says so; returns all of it. */
  async says(pattern: RegExp, ms = 20_000): Promise<string> {
    const ask = async () => {
      const text = await this.readyz()
      return pattern.test(text) ? text : undefined
    }
    return await until(`/readyz says ${String(pattern)}`, ask, { ms, seen: () => this.readyz() })
  }

  /** The sum of one of the guard's metrics over all series that have these labels; 0 where there is none. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    return sumOfMetric(await (await fetch(`${this.url}/metrics`)).text(), `gitops_guard_${name}`, labels)
  }

  async log(): Promise<LogLine[]> {
    const text = await readFile(this.logFile, 'utf8')
    return text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine)
  }

  /** Waits for a line in the log. */
  async logged(what: string, test: (line: LogLine) => boolean, ms = 20_000): Promise<LogLine> {
    return await until(`the log has ${what}`, async () => (await this.log()).find(test), { ms })
  }
}
