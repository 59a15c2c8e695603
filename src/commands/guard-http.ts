/** What running guards serve over HTTP, for commands: at a URL, or every replica through the cluster's API server. */
import { readFile } from 'node:fs/promises'
import type { Json } from '../model/json.ts'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import { fieldOf, parseJson } from '../object/json.ts'
import { openCluster, type CommonOptions } from './context.ts'

export interface HttpOptions extends CommonOptions {
  /** Where a guard serves HTTP; absent: through the API server. */
  url?: string
  /** Holds a token for `url`. */
  tokenFile?: string
}

const PODS = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true }
const SECRETS = { group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true }
const NAMESPACE = 'gitops-guard'
const BASE = `/api/v1/namespaces/${NAMESPACE}`
/** The API server's proxy takes `Authorization` off. */
const TOKEN_HEADER = 'x-gitops-guard-token'

/**
 * What a path answers: one answer of a URL, or one of each replica that answers in the cluster.
 *
 * @param secret it names people: the token for it is read from the cluster.
 * @throws Error with what to do about it.
 */
export async function askGuards(
  path: string,
  options: HttpOptions,
  { secret = false }: { secret?: boolean } = {},
): Promise<Json[]> {
  if (options.url !== undefined) return [await byUrl(options.url, path, options.tokenFile)]
  const { api, connection } = await openCluster(options)
  try {
    return await byApiServer(api, path, secret ? { [TOKEN_HEADER]: await viewToken(api) } : {})
  } finally {
    connection.close()
  }
}

async function byUrl(url: string, path: string, tokenFile: string | undefined): Promise<Json> {
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
  const answer = await fetch(`${url.replace(/\/$/, '')}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  }).catch((error: unknown) => {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    throw new Error(`no guard answers at ${url}: --url names where it serves HTTP (8080)`, { cause })
  })
  const text = await answer.text()
  if (answer.status === 401)
    throw new Error(
      `${url} wants a token: --token-file names a file with one that may get violations.gitops-guard.dev`,
    )
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text.trim().slice(0, 300)}`)
  return parseJson(text)
}

/** Each replica knows what it answered and found itself. */
async function byApiServer(api: ClusterApi, path: string, headers: Record<string, string>): Promise<Json[]> {
  const one = async (place: string) => (await api.raw(`${BASE}/${place}/proxy${path}`, { headers })).object
  const pods = await runningPods(api)
  const answers = await Promise.allSettled(pods.map((pod) => one(`pods/${pod}:8080`)))
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  if (found.length > 0) return found
  // The Service may be open to those who may not reach Pods.
  return [await one('services/gitops-guard:http')]
}

async function runningPods(api: ClusterApi): Promise<string[]> {
  try {
    const query = {
      labelSelector: 'app.kubernetes.io/name=gitops-guard',
      fieldSelector: 'status.phase=Running',
    }
    const { object } = await api.list(PODS, NAMESPACE, { query })
    return object.items.map((pod) => String(fieldOf(fieldOf(pod, 'metadata'), 'name')))
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return []
    throw error
  }
}

async function viewToken(api: ClusterApi): Promise<string> {
  try {
    const { object } = await api.get(SECRETS, { namespace: NAMESPACE, name: 'gitops-guard-view' })
    return Buffer.from(String(fieldOf(object['data'], 'token') ?? ''), 'base64').toString()
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 403 && error.status !== 404)) throw error
    const why =
      error.status === 404
        ? `there is no Secret gitops-guard-view in namespace ${NAMESPACE}: does a guard run there? For one outside the cluster name its --url`
        : `it takes the right to read the Secret gitops-guard-view in namespace ${NAMESPACE}: the Role gitops-guard-reader there gives it`
    throw new Error(why, { cause: error })
  }
}
