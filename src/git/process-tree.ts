/** Ends git and all that it started (git-remote-https, ssh, index-pack), however they are related. */
import { readFile, readdir } from 'node:fs/promises'

/** The environment variable that marks a process as part of one git command; children inherit it. */
export const MARK = 'GITOPS_GUARD_GIT_COMMAND'

/**
 * Process ids of all living processes that carry `mark`, and of their descendants. Read from /proc: elsewhere than on Linux the
 * answer is empty, and only git itself is ended.
 */
export async function markedProcesses(mark: string): Promise<number[]> {
  const needle = `${MARK}=${mark}`
  const parents = new Map<number, number>()
  const marked = new Set<number>()
  for (const entry of await readdir('/proc').catch(() => [])) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const [stat, environment] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ''),
      readFile(`/proc/${pid}/environ`, 'latin1').catch(() => ''),
    ])
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (!state || state === 'Z' || state === 'X') continue
    parents.set(pid, Number(parent))
    if (environment.split('\0').includes(needle)) marked.add(pid)
  }
  // A child that cleared its environment or hides it (ssh may) is found by its parent.
  for (let grown = true; grown;) {
    grown = false
    for (const [pid, parent] of parents) {
      if (marked.has(pid) || !marked.has(parent)) continue
      marked.add(pid)
      grown = true
    }
  }
  return [...marked]
}

/** SIGKILL for all that carry `mark`, again until none is left. */
export async function killMarked(mark: string): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const pids = await markedProcesses(mark)
    if (pids.length === 0) return
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Gone by itself meanwhile.
      }
    }
  }
}
