import { readFile } from 'node:fs/promises'
import { GuardProcess } from '../../src/demo/guard-process.ts'
import { sumOfMetric } from '../e2e/sum-of-metric.ts'

const CLI = new URL('../../dist/cli.js', import.meta.url).pathname

/** The guard that rows try to get past: killed and started again, with other configurations too. */
export class GuardRunner extends GuardProcess {
  /** Resolves once it listens; {@link ready} once it judges. */
  async start(config?: string): Promise<void> {
    this.launchFrom(CLI, config)
    await this.listening()
  }

  async readyz(): Promise<number> {
    return (await this.answer())?.status ?? 0
  }

  log(): Promise<string> {
    return readFile(this.logFile, 'utf8')
  }

  /** Nothing waits to be told. */
  async tellsNothing(): Promise<boolean> {
    const answer = await fetch(`${this.url}/status`)
    const { waiting } = (await answer.json()) as { waiting: { [provider: string]: number } }
    return Object.values(waiting).every((count) => count === 0)
  }

  /** How many reviews it was asked. */
  async reviews(): Promise<number> {
    return sumOfMetric(await (await fetch(`${this.url}/metrics`)).text(), 'gitops_guard_reviews_total')
  }
}
