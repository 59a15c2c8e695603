import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from '../model/json.ts'
import type { WrittenField } from '../model/writer.ts'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import { readWritten } from '../guard/writers.ts'
import { fieldOf, parseJson } from '../object/json.ts'
import { mergeWritten, writtenKey } from '../policy/written-fields.ts'
import { openCluster, type CommonOptions } from './context.ts'

export interface WrittenOptions extends CommonOptions {
  url?: string
  stateDir?: string
}

const PODS = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true }
const NAMESPACE = '/api/v1/namespaces/gitops-guard'
const OBJECTS = 100

/** What guards saw in audit mode: from a file, a URL, or every replica in the cluster through its API server. */
export async function readAllWritten(options: WrittenOptions): Promise<readonly WrittenField[]> {
  const { url, stateDir } = options
  if (stateDir !== undefined)
    return readWritten(parseJson(await readFile(join(stateDir, 'writers.json'), 'utf8')))
  if (url !== undefined) {
    const answer = await fetch(`${url.replace(/\/$/, '')}/writers`)
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
    return readWritten(parseJson(await answer.text()))
  }
  const { api, connection } = await openCluster(options)
  try {
    return merged((await fromReplicas(api)).map(readWritten))
  } finally {
    connection.close()
  }
}

/** Each replica knows the reviews that it answered. */
async function fromReplicas(api: ClusterApi): Promise<Json[]> {
  const byService = `${NAMESPACE}/services/gitops-guard:http/proxy/writers`
  const pods = await runningPods(api)
  if (pods.length === 0) return [(await api.raw(byService)).object]
  const one = async (pod: string) => (await api.raw(`${NAMESPACE}/pods/${pod}:8080/proxy/writers`)).object
  const answers = await Promise.allSettled(pods.map(one))
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  if (found.length > 0) return found
  return [(await api.raw(byService)).object]
}

async function runningPods(api: ClusterApi): Promise<string[]> {
  try {
    const query = {
      labelSelector: 'app.kubernetes.io/name=gitops-guard',
      fieldSelector: 'status.phase=Running',
    }
    const { object } = await api.list(PODS, 'gitops-guard', { query })
    return object.items.map((pod) => String(fieldOf(fieldOf(pod, 'metadata'), 'name')))
  } catch (error) {
    // The Service may be open to those who may not list Pods.
    if (error instanceof ApiError && error.status === 403) return []
    throw error
  }
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
