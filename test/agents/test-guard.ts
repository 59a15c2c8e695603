import { readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { Supervisor } from '../control-plane/supervisor.ts'

const ROOT = join(import.meta.dirname, '../..')
const RIGHTS = ['namespace', 'break-glass', 'rights', 'guarded-kinds']
const READY_MS = 60_000

/** One line of the guard's log. */
export interface LogLine {
  time: number | string
  level: number | string
  msg?: string
  event?: string
  user?: string
  object?: string
  [key: string]: unknown
}

/** `gitops-guard serve` as a process of its own with the rights of deploy/, from the sources as they are. */
export class TestGuard {
  readonly #supervisor: Supervisor
  readonly #log: string

  private constructor(supervisor: Supervisor, log: string) {
    this.#supervisor = supervisor
    this.#log = log
  }

  /** Starts it with a configuration (`stateDir` is added) and waits until it is ready. */
  static async start(plane: ControlPlane, config: object): Promise<TestGuard> {
    const kubeconfig = await plane.serviceAccount('gitops-guard', 'gitops-guard')
    const files = RIGHTS.flatMap((name) => ['-f', join(ROOT, 'deploy', `${name}.yaml`)])
    const { code, stderr } = await plane.kubectl('admin', ['apply', ...files])
    if (code !== 0) throw new Error(`the rights of deploy/ cannot be applied: ${stderr}`)
    const directory = await mkdtemp(join(tmpdir(), 'gitops-guard-agents-'))
    const file = join(directory, 'config.json')
    const whole = {
      apiVersion: 'gitops-guard.dev/v1alpha1',
      kind: 'GuardConfig',
      stateDir: join(directory, 'state'),
    }
    await writeFile(file, JSON.stringify({ ...whole, ...config }))
    const ports = { https: await freePort(), http: await freePort() }
    const log = join(directory, 'guard.log')
    const guard = new TestGuard(new Supervisor(directory), log)
    const args = [join(ROOT, 'src/cli.ts'), 'serve', `--config=${file}`, `--kubeconfig=${kubeconfig}`]
    args.push(`--https-port=${ports.https}`, `--http-port=${ports.http}`)
    args.push(`--webhook-url=https://127.0.0.1:${ports.https}`)
    await guard.#supervisor.start('guard', { command: process.execPath, args, log })
    await guard.#ready(ports.http)
    return guard
  }

  /** Everything it has logged. */
  lines(): LogLine[] {
    const lines = readFileSync(this.#log, 'utf8').split('\n')
    // The last one may be half written.
    return lines.flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine]
      } catch {
        return []
      }
    })
  }

  /** What it logged of these events (`denied`, `drift`, `repaired`, ...), a text each, for messages of failed tests. */
  events(...names: string[]): string[] {
    return this.lines()
      .filter(({ event }) => event !== undefined && names.includes(event))
      .map((line) => JSON.stringify(line))
  }

  async stop(): Promise<void> {
    await this.#supervisor.end('guard', 10_000)
    await this.#supervisor.close()
  }

  async #ready(port: number): Promise<void> {
    const deadline = Date.now() + READY_MS
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
      if (answer?.status === 200) return
      if (Date.now() > deadline || this.#supervisor.exit('guard') !== undefined) {
        const said = answer === undefined ? '' : await answer.text()
        const tail = readFileSync(this.#log, 'utf8').split('\n').slice(-20).join('\n')
        await this.#supervisor.close()
        throw new Error(`the guard is not ready. ${said}\n${tail}`)
      }
      await sleep(50)
    }
  }
}
