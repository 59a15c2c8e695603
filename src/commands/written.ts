import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WrittenField } from '../model/writer.ts'
import { readWritten } from '../guard/writers.ts'
import { parseJson } from '../object/json.ts'
import { mergeWritten, writtenKey } from '../policy/written-fields.ts'
import { askGuards, type HttpOptions } from './guard-http.ts'

export interface WrittenOptions extends HttpOptions {
  stateDir?: string
}

const OBJECTS = 100

/** What guards saw in audit mode: from a file, a URL, or every replica in the cluster through its API server. */
export async function readAllWritten(options: WrittenOptions): Promise<readonly WrittenField[]> {
  const { stateDir } = options
  if (stateDir !== undefined)
    return readWritten(parseJson(await readFile(join(stateDir, 'writers.json'), 'utf8')))
  return merged((await askGuards('/writers', options)).map(readWritten))
}

function merged(lists: readonly (readonly WrittenField[])[]): WrittenField[] {
  const records = new Map<string, WrittenField>()
  for (const record of lists.flat()) {
    const key = writtenKey(record)
    const known = records.get(key)
    records.set(key, known === undefined ? record : mergeWritten(known, record, OBJECTS))
  }
  return [...records.values()]
}
