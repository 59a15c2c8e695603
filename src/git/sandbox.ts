/** Runs a program that renders, on files of a private folder: no network, no other files, no environment, and an end. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { setPriority } from 'node:os'
import { SandboxFolder } from './sandbox-folder.ts'
import { isolated } from './sandbox-isolation.ts'
import type { Isolation } from './sandbox-isolation.ts'

/** At a time, in one process: each can take a core. */
const AT_ONCE = 2
/** Milliseconds. */
const TIMEOUT = 30_000
/** Bytes. */
const MAX_OUTPUT = 64 * 1024 * 1024
const MAX_ERROR = 64 * 1024
/** Behind the reviews that wait for an answer. */
const NICE = 10

export interface SandboxRun {
  /** The executable, absolute. */
  program: string
  /** A private folder with `repository/`, `tmp/` and an empty file `program`: see `SandboxFolder`. */
  folder: string
  /** `path` gives the place of a file of the folder as the program sees it. */
  args: (path: (file: string) => string) => string[]
  /** Milliseconds. Default 30 s. */
  timeout?: number | undefined
  /** Bytes of standard output. Default 64 MiB. */
  maxOutput?: number | undefined
  signal?: AbortSignal | undefined
}

export interface SandboxResult {
  /** Its output is whole and its exit code 0. */
  ok: boolean
  stdout: string
  /** What it said, or why it was ended, in one text; the private folder's name is not in it. */
  message: string
  isolation: Isolation
}

let running = 0
const waiting: (() => void)[] = []

/** Never rejects: what goes wrong is in the result. When it resolves, no process of the program is left. */
export async function runInSandbox(run: SandboxRun): Promise<SandboxResult> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  running++
  try {
    const isolation = await isolationOf(run.program)
    return await start(run, isolation)
  } finally {
    running--
    waiting.shift()?.()
  }
}

const isolations = new Map<string, Promise<Isolation>>()

/**
 * What this machine and this process's rights allow for a program: found by running it once, so that a renderer that needs more than it
 * would get (shared libraries) still runs.
 */
export function isolationOf(program: string): Promise<Isolation> {
  let known = isolations.get(program)
  known ??= probe(program)
  isolations.set(program, known)
  return known
}

async function probe(program: string): Promise<Isolation> {
  for (const isolation of ['full', 'network'] as const) {
    const folder = await SandboxFolder.make()
    try {
      const run = { program, folder: folder.path, args: () => ['version'], timeout: 15_000 }
      const { ok, stdout } = await start(run, isolation)
      if (ok && stdout !== '') return isolation
    } finally {
      await folder.remove()
    }
  }
  return 'none'
}

function start(run: SandboxRun, isolation: Isolation): Promise<SandboxResult> {
  const { program, folder, args, timeout = TIMEOUT, maxOutput = MAX_OUTPUT, signal } = run
  const { command, environment, path } = isolated({ program, folder, isolation })
  const [file = '', ...before] = command
  return new Promise((resolve) => {
    let ended: string | undefined
    const out: Buffer[] = []
    const said: Buffer[] = []
    let outSize = 0
    let saidSize = 0
    const finish = (ok: boolean, text: string) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      const message = text.replaceAll(`${folder}/`, '').replaceAll(/\/?repository\//g, '')
      resolve({ ok, stdout: ok ? Buffer.concat(out).toString('utf8') : '', message, isolation })
    }
    const child = spawn(file, [...before, ...args(path)], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that it is ended with all that it started.
      detached: true,
    })
    const end = (why: string) => {
      ended ??= why
      killGroup(child)
    }
    const timer = setTimeout(() => end(`was ended: it gave no result within ${timeout / 1000} s`), timeout)
    const abort = () => end('was stopped')
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort)
    lower(child)
    child.stdout.on('data', (chunk: Buffer) => {
      outSize += chunk.length
      if (outSize > maxOutput) end(`was ended: its output is larger than ${maxOutput} bytes`)
      else out.push(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      if (saidSize < MAX_ERROR) said.push(chunk)
      saidSize += chunk.length
    })
    child.on('error', (error) => finish(false, `cannot be run: ${error.message}`))
    child.on('close', (code, killedBy) => {
      // What it may have left behind in its group holds no pipe of ours.
      killGroup(child)
      const text = Buffer.concat(said).toString('utf8').trim()
      if (ended !== undefined) finish(false, ended)
      else if (code === 0) finish(true, text)
      else finish(false, text || `ended with ${killedBy ?? `exit code ${code}`}`)
    })
  })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}

function lower({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    setPriority(pid, NICE)
  } catch {
    // It ended already, or may not: no matter.
  }
}
