import type { Readiness } from '../telemetry/condition.ts'
import { formatReadiness } from '../telemetry/condition.ts'
import { escapeText } from '../object/text.ts'
import { openCluster, type CommonOptions } from './context.ts'

/** What a running guard says of itself at `/status`. */
export interface GuardStatus extends Readiness {
  sources: readonly {
    name: string
    revision: string
    objects: number
    problems: number
    lastError?: string
  }[]
  objects: { readonly [status: string]: number }
  waiting: { readonly [provider: string]: number }
}

const THROUGH_THE_API_SERVER = '/api/v1/namespaces/gitops-guard/services/gitops-guard:http/proxy/status'

/** `gitops-guard status`: what a running guard knows. */
export async function status(options: CommonOptions & { url?: string }): Promise<number> {
  const found = options.url === undefined ? await byProxy(options) : await byUrl(options.url)
  if (options.output === 'json') {
    console.log(JSON.stringify(found))
    return 0
  }
  for (const { name, revision, objects, problems, lastError } of found.sources) {
    const trouble = lastError === undefined ? '' : `; Git: ${escapeText(lastError, 300)}`
    const broken = problems === 0 ? '' : `; ${problems} manifests cannot be used`
    console.log(
      `source ${escapeText(name, 100)} at ${revision.slice(0, 12) || '(not read)'}: ${objects} objects${broken}${trouble}`,
    )
  }
  const counts = Object.entries(found.objects).map(([name, count]) => `${count} ${name}`)
  console.log(`objects: ${counts.join(', ') || 'none'}`)
  for (const [provider, count] of Object.entries(found.waiting))
    console.log(`chat ${provider}: ${count} waiting`)
  process.stdout.write(formatReadiness(found))
  return 0
}

async function byProxy(options: CommonOptions): Promise<GuardStatus> {
  const { api, connection } = await openCluster(options)
  try {
    return (await api.raw<GuardStatus>(THROUGH_THE_API_SERVER)).object
  } finally {
    connection.close()
  }
}

async function byUrl(url: string): Promise<GuardStatus> {
  const answer = await fetch(`${url.replace(/\/$/, '')}/status`).catch((error: unknown) => {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    throw new Error(`no guard answers at ${url}: --url names where it serves HTTP (8080)`, { cause })
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return (await answer.json()) as GuardStatus
}
