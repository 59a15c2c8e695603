import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const CLI = new URL('../../dist/cli.js', import.meta.url).pathname

export interface GuardRun {
  config: string
  kubeconfig: string
  ports: { https: number; http: number }
  logFile: string
  env: Record<string, string>
}

/** `gitops-guard serve`, bundled, as a process that can be killed and started again. */
export class GuardRunner {
  readonly #run: GuardRun
  #child: ChildProcess | undefined

  constructor(run: GuardRun) {
    this.#run = run
    process.once('exit', () => this.#child?.kill('SIGKILL'))
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves once it listens; {@link ready} once it judges. */
  async start(config = this.#run.config): Promise<void> {
    const { kubeconfig, ports, logFile, env } = this.#run
    const args = [CLI, 'serve', `--config=${config}`, `--kubeconfig=${kubeconfig}`]
    args.push(`--https-port=${ports.https}`, `--http-port=${ports.http}`)
    args.push(`--webhook-url=https://127.0.0.1:${ports.https}`)
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    const log = createWriteStream(logFile, { flags: 'a' })
    child.stdout.pipe(log)
    child.stderr.pipe(log)
    this.#child = child
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    await this.#until('is not listening', (answer) => answer !== undefined)
  }

  ready(): Promise<void> {
    return this.#until('is not ready', (answer) => answer?.status === 200)
  }

  async readyz(): Promise<number> {
    return (await this.#ask())?.status ?? 0
  }

  /** SIGTERM as a rollout would, or SIGKILL as a crash. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  log(): Promise<string> {
    return readFile(this.#run.logFile, 'utf8')
  }

  #ask(): Promise<Response | undefined> {
    return fetch(`http://127.0.0.1:${this.#run.ports.http}/readyz`).catch(() => undefined)
  }

  /** Nothing waits to be told. */
  async tellsNothing(): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.#run.ports.http}/status`)
    const { waiting } = (await answer.json()) as { waiting: { [provider: string]: number } }
    return Object.values(waiting).every((count) => count === 0)
  }

  /** How many reviews it was asked. */
  async reviews(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#run.ports.http}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line.startsWith('gitops_guard_reviews_total{'))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  async #until(what: string, done: (answer: Response | undefined) => boolean): Promise<void> {
    for (const start = Date.now(); ; await sleep(25)) {
      const answer = await this.#ask()
      if (done(answer)) return
      if (this.#child !== undefined && Date.now() - start < 60_000) continue
      const tail = (await this.log()).split('\n').slice(-15).join('\n')
      throw new Error(`the guard ${this.#child === undefined ? 'has ended' : what}. Its log ends:\n${tail}`)
    }
  }
}
