import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { builtCli } from '../e2e/built-cli.ts'

export interface GuardChildOptions {
  config: string
  kubeconfig: string
  ports: { https: number; http: number }
  /** Default: its own HTTPS port. */
  webhookUrl?: string
  replica?: string
  logFile: string
  /** For Node itself, e.g. `--cpu-prof`. */
  nodeArgs?: readonly string[]
  env?: Readonly<Record<string, string>>
}

/** The same for a whole run, whatever is built meanwhile. */
let cli: Promise<string> | undefined

/** `gitops-guard serve` as a process that is measured, killed and started again. */
export class GuardChild {
  readonly #options: GuardChildOptions
  #child: ChildProcess | undefined

  constructor(options: GuardChildOptions) {
    this.#options = options
    process.once('exit', () => this.#child?.kill('SIGKILL'))
  }

  get runs(): boolean {
    return this.#child !== undefined
  }

  get ports(): { https: number; http: number } {
    return this.#options.ports
  }

  /** Does not wait until it is ready. */
  async launch(): Promise<void> {
    const { config, kubeconfig, ports, webhookUrl, replica, logFile, nodeArgs = [], env } = this.#options
    cli ??= builtCli()
    const args = [...nodeArgs, await cli, 'serve', `--config=${config}`, `--kubeconfig=${kubeconfig}`]
    args.push(`--https-port=${ports.https}`, `--http-port=${ports.http}`)
    args.push(`--webhook-url=${webhookUrl ?? `https://127.0.0.1:${ports.https}`}`)
    if (replica !== undefined) args.push(`--replica=${replica}`)
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    const log = createWriteStream(logFile, { flags: 'a' })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    this.#child = child
  }

  async ready(ms = 60_000): Promise<void> {
    for (const start = Date.now(); ; await sleep(50)) {
      const answer = await fetch(`http://127.0.0.1:${this.#options.ports.http}/readyz`).catch(() => undefined)
      if (answer?.ok === true) return
      if (this.#child !== undefined && Date.now() - start < ms) continue
      const said = (await answer?.text()) ?? 'nobody answers'
      throw new Error(`the guard is not ready: ${said}\n${await this.logTail()}`)
    }
  }

  /** Resolves with the seconds until so many objects are known to be as Git says. */
  async inSync(objects: number, say: (line: string) => void, mostSeconds = 900): Promise<number> {
    const start = performance.now()
    for (let said = 0; ;) {
      const seconds = (performance.now() - start) / 1000
      const inSync = await this.metric('gitops_guard_objects', { status: 'inSync' })
      if (inSync >= objects) return seconds
      if (!this.runs || seconds > mostSeconds)
        throw new Error(`only ${inSync} are in sync after ${seconds} s\n${await this.logTail()}`)
      if (seconds - said > 10) {
        said = seconds
        say(`  ${inSync} of ${objects} compared after ${seconds.toFixed(0)} s`)
      }
      // Seldom enough that asking costs the guard nothing that counts.
      await sleep(300)
    }
  }

  async logTail(lines = 20): Promise<string> {
    const text = await readFile(this.#options.logFile, 'utf8').catch(() => '')
    return text.split('\n').slice(-lines).join('\n')
  }

  /** Resolves when it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }

  /** The sum of a metric over the series with these labels; 0 where there is none or nobody answers. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const url = `http://127.0.0.1:${this.#options.ports.http}/metrics`
    const text = await fetch(url).then(
      (answer) => answer.text(),
      () => '',
    )
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  /** Resident memory and its peak in MiB, as the kernel counts them. */
  async memory(): Promise<{ now: number; peak: number }> {
    const status = await readFile(`/proc/${this.#child?.pid}/status`, 'utf8')
    const mib = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
    return { now: mib('VmRSS'), peak: mib('VmHWM') }
  }

  /** Seconds of CPU since it started. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child?.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime and stime, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
}
