import { spawn } from 'node:child_process'

/** How a command ended, what it printed, and how long it took. */
export interface CommandResult {
  code: number
  stdout: string
  stderr: string
  ms: number
}

/** What a command is given. */
export interface CommandOptions {
  stdin?: string
  env?: Record<string, string | undefined>
  cwd?: string
  /** After that it is killed, and the result's code is 124. Default: two minutes. */
  timeoutMs?: number
}

/** Runs a command to its end. A code other than 0 is a result, not an error. */
export function runCommand(
  command: string,
  args: string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { stdin, env, cwd, timeoutMs = 120_000 } = options
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
    const output = { stdout: '', stderr: '' }
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeoutMs)
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text))
    }
    child.stdin.on('error', () => undefined)
    child.stdin.end(stdin ?? '')
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (late) output.stderr += `killed: it had not ended after ${timeoutMs} ms\n`
      resolve({ code: late ? 124 : (code ?? 1), ...output, ms: Math.round(performance.now() - start) })
    })
  })
}
