import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../commands/package-root.ts'

/** `gitops-guard serve` as a process of its own, as in a cluster. */
export class GuardProcess {
  readonly #child: ChildProcess
  readonly #http: number
  readonly logFile: string
  #ended: number | undefined

  private constructor(child: ChildProcess, http: number, logFile: string) {
    this.#child = child
    this.#http = http
    this.logFile = logFile
    child.on('exit', (code) => (this.#ended = code ?? 1))
  }

  /** Starts it and waits until it is ready. Throws with the end of its log when it ends before. */
  static async start(options: {
    config: string
    kubeconfig: string
    ports: { https: number; http: number }
    logFile: string
    env?: Record<string, string>
  }): Promise<GuardProcess> {
    const { config, kubeconfig, ports, logFile, env } = options
    const cli = join(packageRoot(), 'dist', 'cli.js')
    const args = ['serve', `--config=${config}`, `--kubeconfig=${kubeconfig}`]
    args.push(`--https-port=${ports.https}`, `--http-port=${ports.http}`)
    args.push(`--webhook-url=https://127.0.0.1:${ports.https}`)
    const child = spawn(process.execPath, [cli, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // eslint-disable-next-line no-restricted-properties -- handed on to a child, not read
      env: { ...process.env, ...env },
    })
    const log = createWriteStream(logFile)
    child.stdout.pipe(log)
    child.stderr.pipe(log)
    const guard = new GuardProcess(child, ports.http, logFile)
    process.once('exit', () => child.kill('SIGKILL'))
    await guard.#ready()
    return guard
  }

  /** Resident memory in MiB, as the kernel counts it. */
  async residentMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8')
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
  }

  async stop(): Promise<void> {
    if (this.#ended !== undefined) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    await ended
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + 30_000
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.#http}/readyz`).catch(() => undefined)
      if (answer?.status === 200) return
      if (this.#ended !== undefined || Date.now() > deadline) {
        const tail = (await readFile(this.logFile, 'utf8')).split('\n').slice(-15).join('\n')
        const what = this.#ended === undefined ? 'is not ready after 30 s' : `ended with ${this.#ended}`
        const said = (await answer?.text()) ?? ''
        throw new Error(`the guard ${what}. ${said}\nThe end of its log, ${this.logFile}:\n${tail}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }
}
