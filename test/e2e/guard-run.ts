import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { builtCli } from './built-cli.ts'
import { until } from './until.ts'

export interface GuardRunOptions {
  config: string
  kubeconfig: string
  ports: { https: number; http: number }
  logFile: string
  env: Record<string, string>
  /** Where reviews reach it. Default: its own port. */
  webhookUrl?: string
}

/** One line of the guard's log. */
export type LogLine = Record<string, unknown> & { msg: string; level: string }

/** `gitops-guard serve`, bundled, as a process of its own that can be ended and started again. */
export class GuardRun {
  readonly #options: GuardRunOptions
  #child: ChildProcess | undefined

  constructor(options: GuardRunOptions) {
    this.#options = options
    process.once('exit', () => this.#child?.kill('SIGKILL'))
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.ports.http}`
  }

  /** For commands that look at the same configuration and cluster. */
  get about(): string[] {
    return [`--config=${this.#options.config}`, `--kubeconfig=${this.#options.kubeconfig}`]
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts it and waits until it is ready. Throws with the end of its log where it is not. */
  async start(): Promise<void> {
    await this.launch()
    await this.ready()
  }

  /** Starts it without waiting. */
  async launch(): Promise<void> {
    const { config, kubeconfig, ports, logFile, env, webhookUrl } = this.#options
    const args = [await builtCli(), 'serve', `--config=${config}`, `--kubeconfig=${kubeconfig}`]
    args.push(`--https-port=${ports.https}`, `--http-port=${ports.http}`)
    args.push(`--webhook-url=${webhookUrl ?? `https://127.0.0.1:${ports.https}`}`)
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    const log = createWriteStream(logFile, { flags: 'a' })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    this.#child = child
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
  }

  async ready(): Promise<void> {
    try {
      await until(
        'the guard is ready',
        async () => {
          if (this.#child === undefined) throw new Error('the guard has ended')
          return (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok
        },
        { ms: 60_000, seen: () => this.readyz() },
      )
    } catch (error) {
      const text = await readFile(this.#options.logFile, 'utf8').catch(() => '')
      const tail = text.split('\n').slice(-15).join('\n')
      throw new Error(`the guard does not start. Its log ends:\n${tail}`, { cause: error })
    }
  }

  /** SIGTERM as a rollout would, or SIGKILL as a crash. Resolves with the exit code. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return null
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return await ended
  }

  /** What `/readyz` says; '' where nobody listens. */
  async readyz(): Promise<string> {
    return await fetch(`${this.url}/readyz`).then(
      (answer) => answer.text(),
      () => '',
    )
  }

  /** Waits until `/readyz` says so; returns all of it. */
  async says(pattern: RegExp, ms = 20_000): Promise<string> {
    const ask = async () => {
      const text = await this.readyz()
      return pattern.test(text) ? text : undefined
    }
    return await until(`/readyz says ${String(pattern)}`, ask, { ms, seen: () => this.readyz() })
  }

  /** The sum of a metric over all series that have these labels; 0 where there is none. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    return text
      .split('\n')
      .filter((line) => line.startsWith(`gitops_guard_${name}{`) || line.startsWith(`gitops_guard_${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  async log(): Promise<LogLine[]> {
    const text = await readFile(this.#options.logFile, 'utf8')
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
