import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Progress } from './progress.ts'

const HEARTBEAT_MS = 5_000
const STALE_MS = 60_000

/**
 * Runs `work` while holding the lock directory `path`, so that two processes never do it at once.
 *
 * A holder that died is noticed by its pid; one on another machine (a shared home) by its heartbeat.
 */
export async function withDirectoryLock<T>(
  path: string,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  await acquire(path, progress)
  const owner = join(path, 'owner.json')
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(owner, now, now).catch(() => undefined)
  }, HEARTBEAT_MS)
  heartbeat.unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await rm(path, { recursive: true, force: true })
  }
}

async function acquire(path: string, progress: Progress): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const start = Date.now()
  let said = 0
  for (;;) {
    if (await take(path)) return
    const holder = await liveHolder(path)
    if (holder === undefined) {
      await breakLock(path)
      continue
    }
    if (Date.now() - said >= HEARTBEAT_MS) {
      said = Date.now()
      progress(`waiting for ${holder}, ${Math.round((said - start) / 1000)} s so far`)
    }
    await sleep(250)
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await mkdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  await writeFile(join(path, 'owner.json'), JSON.stringify({ pid: process.pid, host: hostname() }))
  return true
}

/** Who holds the lock, or undefined when nobody alive does. */
async function liveHolder(path: string): Promise<string | undefined> {
  const owner = join(path, 'owner.json')
  try {
    const { pid, host } = JSON.parse(await readFile(owner, 'utf8')) as { pid: number; host: string }
    if (host === hostname() && !isAlive(pid)) return undefined
    return (await isFresh(owner)) ? `process ${pid} on ${host}` : undefined
  } catch {
    // Made a moment ago and not signed yet, or just released.
    return (await isFresh(path)) ? 'another process' : undefined
  }
}

async function isFresh(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
  return Date.now() - mtimeMs < STALE_MS
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Moves it away first, so that one of two wins. Should both win in a row, both build: wasteful, but each binary is put in place whole. */
async function breakLock(path: string): Promise<void> {
  const grave = `${path}.${process.pid}.${Date.now()}`
  try {
    await rename(path, grave)
  } catch {
    return
  }
  await rm(grave, { recursive: true, force: true })
}
