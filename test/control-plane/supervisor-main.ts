/**
 * Runs the processes of one control plane, and ends them when the process that asked for it is gone.
 *
 * It reads commands, one JSON a line, from standard input, which is a pipe from that process: however it ends (SIGKILL
 * too), the kernel closes the pipe, and then every child is killed and the directory removed. It answers on standard
 * output: `{"id"}` or `{"id","error"}` to a command, `{"exited","code","signal"}` when a child ends.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { SupervisorCommand } from './supervisor.ts'

const directory = process.argv[2]
if (directory === undefined) throw new Error('usage: supervisor-main.ts DIRECTORY')
const children = new Map<string, ChildProcess>()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void shutDown())
process.stdout.on('error', () => undefined)

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const command = JSON.parse(line) as SupervisorCommand & { id: number }
  carryOut(command).then(
    () => say({ id: command.id }),
    (error: unknown) => say({ id: command.id, error: (error as Error).message }),
  )
})
lines.on('close', () => void shutDown())

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

async function carryOut(command: SupervisorCommand): Promise<void> {
  if (command.do === 'start') await start(command)
  else await end(command.name, command.graceMs)
}

function start({ name, command, args, log }: SupervisorCommand & { do: 'start' }): Promise<void> {
  const output = openSync(log, 'a')
  // In a process group of its own, so that a Ctrl-C in the terminal does not reach it before its turn.
  const child = spawn(command, args, { stdio: ['ignore', output, output], detached: true, cwd: directory })
  closeSync(output)
  if (child.pid !== undefined) children.set(name, child)
  child.on('exit', (code, signal) => {
    children.delete(name)
    say({ exited: name, code, signal })
  })
  return new Promise((resolve, reject) => {
    child.on('spawn', resolve)
    child.on('error', reject)
  })
}

/** Asks the child to end, and kills it when it has not within `graceMs` (0: at once). */
function end(name: string, graceMs: number): Promise<void> {
  const child = children.get(name)
  if (child === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs)
    child.on('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    signalGroup(child, graceMs > 0 ? 'SIGTERM' : 'SIGKILL')
  })
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal)
  } catch {
    // Gone already.
  }
}

async function shutDown(): Promise<void> {
  await Promise.all([...children.keys()].map((name) => end(name, 0)))
  rmSync(directory!, { recursive: true, force: true, maxRetries: 10 })
  process.exit(0)
}
