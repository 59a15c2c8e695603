import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** What the supervisor process can be told. */
export type SupervisorCommand =
  | { do: 'start'; name: string; command: string; args: string[]; log: string }
  | { do: 'end'; name: string; graceMs: number }

/** How a child ended. */
export interface Exit {
  code: number | null
  signal: string | null
}

type Reply = { id: number; error?: string } | ({ exited: string } & Exit)

/**
 * The processes of one control plane, in the care of a process of their own (supervisor-main.ts), which ends them and
 * removes `directory` when this one ends, in whatever way.
 */
export class Supervisor {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting = new Map<number, PromiseWithResolvers<undefined>>()
  readonly #started = new Set<string>()
  readonly #exits = new Map<string, Exit>()
  #next = 0

  constructor(directory: string) {
    this.#process = spawn(process.execPath, [join(import.meta.dirname, 'supervisor-main.ts'), directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
      // Node's own settings of a test run (coverage, an inspector port, test channels) are not the supervisor's.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR },
    })
    createInterface({ input: this.#process.stdout }).on('line', (line) =>
      this.#hear(JSON.parse(line) as Reply),
    )
    this.#process.on('exit', () => this.#fail('the supervisor of the control plane ended'))
    this.#process.on('error', (error) => this.#fail(error.message))
    this.#process.stdin.on('error', () => undefined)
    this.#process.unref()
    this.#hold(false)
  }

  /** Starts a process under a name; its output is appended to `log`. */
  async start(
    name: string,
    { command, args, log }: { command: string; args: string[]; log: string },
  ): Promise<void> {
    this.#exits.delete(name)
    this.#started.add(name)
    await this.#tell({ do: 'start', name, command, args, log })
  }

  /** Ends a process: asks, and kills after `graceMs`; 0 kills at once. Resolves when it is gone. */
  async end(name: string, graceMs: number): Promise<void> {
    await this.#tell({ do: 'end', name, graceMs })
  }

  /** How the process of that name ended, or undefined while it runs. */
  exit(name: string): Exit | undefined {
    return this.#exits.get(name)
  }

  /** Whether the process of that name was started and has not ended. */
  runs(name: string): boolean {
    return this.#started.has(name) && !this.#exits.has(name)
  }

  /** Ends everything, removes the directory, and resolves when that is done. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.ref()
    const gone = once(this.#process, 'exit')
    this.#process.stdin.end()
    await gone
  }

  #tell(command: SupervisorCommand): Promise<unknown> {
    const id = this.#next++
    const answer = Promise.withResolvers<undefined>()
    this.#waiting.set(id, answer)
    this.#hold(true)
    this.#process.stdin.write(`${JSON.stringify({ id, ...command })}\n`)
    return answer.promise
  }

  #hear(reply: Reply): void {
    if ('exited' in reply) {
      this.#exits.set(reply.exited, { code: reply.code, signal: reply.signal })
      return
    }
    const answer = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (this.#waiting.size === 0) this.#hold(false)
    if (reply.error === undefined) answer?.resolve(undefined)
    else answer?.reject(new Error(reply.error))
  }

  #fail(reason: string): void {
    for (const answer of this.#waiting.values()) answer.reject(new Error(reason))
    this.#waiting.clear()
  }

  /** The pipes keep this process alive only while an answer is awaited: a test that forgets to stop still ends. */
  #hold(on: boolean): void {
    for (const stream of [this.#process.stdin, this.#process.stdout] as (Readable | Writable)[]) {
      const socket = stream as unknown as { ref(): void; unref(): void }
      if (on) socket.ref()
      else socket.unref()
    }
  }
}
