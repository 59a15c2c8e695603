import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GuardStatus } from '../../src/commands/status.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { GuardRun, type LogLine } from '../e2e/guard-run.ts'
import { until } from '../e2e/until.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')
const RIGHTS = ['namespace', 'break-glass', 'rights', 'guarded-kinds']
/** What a guard says when it gets in somebody's way. */
const INTERFERENCE = ['denied', 'drift', 'repaired', 'undone', 'unrepairable', 'fight', 'failed', 'invalid']

/** A guard under its own identity with the rights of deploy/, and what it did. */
export class TestGuard {
  readonly #run: GuardRun
  readonly #directory: string

  private constructor(run: GuardRun, directory: string) {
    this.#run = run
    this.#directory = directory
  }

  /** Its configuration file. */
  get config(): string {
    return join(this.#directory, 'config.yaml')
  }

  /** Where it serves metrics and what it saw. */
  get url(): string {
    return this.#run.url
  }

  /** Starts it with a configuration (`stateDir` is added) and waits until it is ready. */
  static async start(
    plane: ControlPlane,
    config: object,
    env: Record<string, string> = {},
  ): Promise<TestGuard> {
    const kubeconfig = await plane.serviceAccount('gitops-guard', 'gitops-guard')
    const files = RIGHTS.flatMap((name) => ['-f', join(DEPLOY, `${name}.yaml`)])
    const { code, stderr } = await plane.kubectl('admin', ['apply', ...files])
    if (code !== 0) throw new Error(`the rights of deploy/ cannot be applied: ${stderr}`)
    const directory = await mkdtemp(join(tmpdir(), 'gitops-guard-agents-'))
    const run = new GuardRun({
      config: join(directory, 'config.yaml'),
      kubeconfig,
      ports: { https: await freePort(), http: await freePort() },
      logFile: join(directory, 'guard.log'),
      env,
    })
    const guard = new TestGuard(run, directory)
    await guard.#write(config)
    await run.start().catch(async (error: unknown) => {
      await guard.stop()
      throw error
    })
    return guard
  }

  /** What it logged of denials, drift and repairs, oldest first. */
  async interference(): Promise<LogLine[]> {
    return (await this.#run.log()).filter(({ event }) => INTERFERENCE.includes(String(event)))
  }

  /** What it says of itself. */
  async status(): Promise<GuardStatus> {
    return (await (await fetch(`${this.#run.url}/status`)).json()) as GuardStatus
  }

  readyz(): Promise<string> {
    return this.#run.readyz()
  }

  /** Another configuration while it runs; resolves when it is in force. */
  async configure(config: object): Promise<void> {
    const inForce = async () =>
      (await this.#run.log()).filter(({ msg }) => msg === 'the new configuration is in force').length
    const before = await inForce()
    await this.#write(config)
    await until('the new configuration is in force', async () => (await inForce()) > before, { ms: 60_000 })
  }

  async log(): Promise<LogLine[]> {
    return this.#run.log()
  }

  /** Ends it. Its log is copied to the folder in GITOPS_GUARD_TEST_LOGS, where that is set. */
  async stop(): Promise<void> {
    await this.#run.end('SIGKILL')
    const keep = process.env.GITOPS_GUARD_TEST_LOGS
    if (keep !== undefined)
      await cp(join(this.#directory, 'guard.log'), join(keep, `guard-${process.pid}.log`))
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #write(config: object): Promise<void> {
    const about = { apiVersion: 'gitops-guard.dev/v1alpha1', kind: 'GuardConfig' }
    const stateDir = join(this.#directory, 'state')
    await writeFile(this.config, JSON.stringify({ ...about, stateDir, ...config }))
  }
}
