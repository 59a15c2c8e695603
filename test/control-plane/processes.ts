import { request } from 'node:http'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { etcdArguments, files } from './arguments.ts'
import type { Supervisor } from './supervisor.ts'

const READY_MS = 90_000

/** Starts and ends the processes of one control plane, and knows when each is ready. */
export class Processes {
  readonly #directory: string
  readonly #supervisor: Supervisor

  constructor(directory: string, supervisor: Supervisor) {
    this.#directory = directory
    this.#supervisor = supervisor
  }

  /** Where a process writes its log. */
  log(name: string): string {
    return join(this.#directory, `${name}.log`)
  }

  /** Starts etcd and waits until it is healthy. */
  async startEtcd(command: string): Promise<void> {
    await this.start('etcd', command, etcdArguments(this.#directory))
    const { etcdSocket } = files(this.#directory)
    await this.waitFor('etcd', () => isHealthy(etcdSocket))
  }

  /** Starts a process without waiting for it. */
  async start(name: string, command: string, args: string[]): Promise<void> {
    await this.#supervisor.start(name, { command, args, log: this.log(name) })
  }

  /** Ends a process; resolves when it is gone. */
  async end(name: string, graceMs: number): Promise<void> {
    await this.#supervisor.end(name, graceMs)
  }

  /** Waits until `check` has nothing to complain about. Rejects when the process ends or the time is up. */
  async waitFor(name: string, check: () => Promise<string | undefined>): Promise<void> {
    const deadline = Date.now() + READY_MS
    for (;;) {
      const complaint = await Promise.race([
        check().catch((error: unknown) => (error as Error).message),
        sleep(2000, 'no answer in 2 s', { ref: false }),
      ])
      if (complaint === undefined) return
      const exit = this.#supervisor.exit(name)
      if (exit !== undefined || Date.now() > deadline) {
        const what = exit
          ? `ended with ${exit.signal ?? exit.code}`
          : `is not ready after ${READY_MS / 1000} s`
        throw new Error(`${name} ${what} (${complaint}). The end of its log:\n${await this.tail(name)}`)
      }
      await sleep(40)
    }
  }

  /** The last lines of a process's log. */
  async tail(name: string): Promise<string> {
    const file = await open(this.log(name)).catch(() => undefined)
    if (file === undefined) return '(no log)'
    try {
      const { size } = await file.stat()
      const start = Math.max(0, size - 3000)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(3000), 0, 3000, start)
      return buffer.toString('utf8', 0, bytesRead).trim()
    } finally {
      await file.close()
    }
  }
}

/** Asks etcd on its socket; returns what is wrong. */
function isHealthy(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/health', timeout: 2000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? undefined : `/health: ${response.statusCode}`)
    })
    sent.on('timeout', () => sent.destroy(new Error('/health: no answer in 2 s')))
    sent.on('error', reject)
    sent.end()
  })
}
