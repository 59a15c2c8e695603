import { globSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCommand } from '../control-plane/run-command.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const CLI = join(ROOT, 'dist', 'cli.js')
const LOCK = join(ROOT, 'node_modules', '.dist.lock')
const PATIENCE_MS = 60_000

/** The bundled command line, built first where the sources are newer; test files that run side by side build it once. */
export async function builtCli(): Promise<string> {
  for (const start = Date.now(); !isNew();) {
    if (Date.now() - start > PATIENCE_MS) rmSync(LOCK, { recursive: true, force: true })
    if (!take(LOCK)) {
      await sleep(100)
      continue
    }
    try {
      const { code, stderr } = await runCommand(process.execPath, ['esbuild.config.js'], { cwd: ROOT })
      if (code !== 0) throw new Error(`dist/ cannot be built: ${stderr}`)
    } finally {
      rmSync(LOCK, { recursive: true, force: true })
    }
    break
  }
  return CLI
}

function isNew(): boolean {
  const built = statSync(CLI, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return globSync('src/**/*.{ts,json,html,css,js,svg}', { cwd: ROOT })
    .filter((file) => !file.endsWith('.test.ts'))
    .every((file) => (statSync(join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? 0) <= built)
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock)
    return true
  } catch {
    return false
  }
}
