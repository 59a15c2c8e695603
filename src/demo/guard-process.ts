import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface GuardProcessOptions {
  config: string
  kubeconfig: string
  ports: { https: number; http: number }
  logFile: string
  env?: Readonly<Record<string, string>> | undefined
  /** Where reviews reach it. Default: its own HTTPS port. */
  webhookUrl?: string | undefined
  replica?: string | undefined
  /** For Node itself, e.g. `--cpu-prof`. */
  nodeArgs?: readonly string[] | undefined
}

/** `gitops-guard serve`, bundled, as a process of its own that can be ended and started again: for the demo and for tests. */
export class GuardProcess {
  protected readonly options: GuardProcessOptions
  #child: ChildProcess | undefined

  constructor(options: GuardProcessOptions) {
    this.options = options
    process.once('exit', () => this.#child?.kill('SIGKILL'))
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get ports(): { https: number; http: number } {
    return this.options.ports
  }

  /** Of health, metrics and the dashboard. */
  get url(): string {
    return `http://127.0.0.1:${this.options.ports.http}`
  }

  get logFile(): string {
    return this.options.logFile
  }

  /** Starts this bundle without waiting; its log is added to the file. */
  launchFrom(cli: string, config = this.options.config): void {
    const { kubeconfig, ports, webhookUrl, replica, logFile, nodeArgs = [], env } = this.options
    const args = [...nodeArgs, cli, 'serve', `--config=${config}`, `--kubeconfig=${kubeconfig}`]
    args.push(`--https-port=${ports.https}`, `--http-port=${ports.http}`)
    args.push(`--webhook-url=${webhookUrl ?? `https://127.0.0.1:${ports.https}`}`)
    if (replica !== undefined) args.push(`--replica=${replica}`)
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // eslint-disable-next-line no-restricted-properties -- handed on to a child, not read
      env: { ...process.env, ...env },
    })
    const log = createWriteStream(logFile, { flags: 'a' })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    child.once('close', () => log.end())
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    this.#child = child
  }

  /** Waits until it listens. @throws Error with the end of its log. */
  async listening(ms = 60_000): Promise<void> {
    await this.#until('is not listening', (answer) => answer !== undefined, ms)
  }

  /** Waits until `/readyz` says that it is ready. @throws Error with what that says instead, and the end of its log. */
  async ready(ms = 60_000): Promise<void> {
    await this.#until('is not ready', (answer) => answer?.ok === true, ms)
  }

  /** What `/readyz` answers; undefined where nobody does. */
  async answer(): Promise<Response | undefined> {
    return await fetch(`${this.url}/readyz`).catch(() => undefined)
  }

  /** SIGTERM as a rollout would, or SIGKILL as a crash. Resolves with the exit code once it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return null
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return await gone
  }

  async logTail(lines = 15): Promise<string> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '')
    return text.split('\n').slice(-lines).join('\n')
  }

  /** Resident memory and its peak in MiB, as the kernel counts them. */
  async memory(): Promise<{ now: number; peak: number }> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
    const mib = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
    return { now: mib('VmRSS'), peak: mib('VmHWM') }
  }

  async #until(what: string, done: (answer: Response | undefined) => boolean, ms: number): Promise<void> {
    for (const start = Date.now(); ; await sleep(30)) {
      const answer = await this.answer()
      if (done(answer)) return
      if (this.running && Date.now() - start < ms) continue
      const problem = this.running ? `${what} after ${ms / 1000} s` : 'has ended'
      const said = (await answer?.text()) ?? 'nobody answers'
      throw new Error(
        `the guard ${problem}: ${said}\nThe end of its log, ${this.logFile}:\n${await this.logTail()}`,
      )
    }
  }
}
