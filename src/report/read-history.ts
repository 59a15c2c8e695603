import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import type { Violation } from '../model/violation.ts'
import { parseJson } from '../object/json.ts'
import type { Entry } from './journal.ts'

/** Lines that are read at a stretch: reviews wait for no more. */
const STRETCH = 50

/**
 * The violations in the folder of a history, newest first. Reads only, so that it may be that of a guard that runs; a line that is
 * being written, and one that is damaged, are left out, and so is a file that goes meanwhile. No folder: nothing.
 *
 * @param since files that were written last before this are not read: milliseconds since the epoch.
 */
export async function* readHistory(directory: string, since = 0): AsyncGenerator<Violation, void, undefined> {
  const names = await readdir(directory).catch(nothing<string[]>([]))
  const files = names.filter((name) => /^\d{15}\.jsonl$/.test(name)).toSorted()
  for (const name of files.reverse()) {
    const written = await stat(join(directory, name)).catch(nothing(undefined))
    if (written !== undefined && written.mtimeMs < since) return
    const bytes = await readFile(join(directory, name)).catch(nothing(Buffer.alloc(0)))
    let count = 0
    for (let end = bytes.lastIndexOf(10); end > 0;) {
      const start = bytes.lastIndexOf(10, end - 1) + 1
      const violation = parse(bytes.toString('utf8', start, end))
      if (violation !== undefined) yield violation
      end = start - 1
      if (++count % STRETCH === 0) await breathe()
    }
  }
}

function parse(line: string): Violation | undefined {
  try {
    const { violation } = parseJson(line) as unknown as Entry
    return typeof violation === 'object' ? violation : undefined
  } catch {
    return undefined
  }
}

/** @throws whatever else than that it is not there. */
function nothing<T>(value: T) {
  return (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value
    throw error
  }
}
