import type { Readiness } from '../telemetry/condition.ts'
import { formatReadiness } from '../telemetry/condition.ts'
import { escapeText } from '../object/text.ts'
import { askGuards, type HttpOptions } from './guard-http.ts'

/** What a running guard says of itself at `/status`. */
export interface GuardStatus extends Readiness {
  sources: readonly {
    name: string
    revision: string
    /** When the commit was made, and when Git last answered; RFC 3339. */
    committedAt?: string
    fetchedAt?: string
    objects: number
    problems: number
    lastError?: string
  }[]
  /** What of the agents' objects cannot be followed. */
  unfollowed: readonly { source: string; message: string }[]
  objects: { readonly [status: string]: number }
  waiting: { readonly [provider: string]: number }
  /** Messages that were given up. */
  deadLetters?: number
}

/** `gitops-guard status`: what a running guard knows. */
export async function status(options: HttpOptions): Promise<number> {
  const [found] = (await askGuards('/status', options)) as unknown as GuardStatus[]
  if (found === undefined) throw new Error('no guard answers')
  if (options.output === 'json') {
    console.log(JSON.stringify(found))
    return 0
  }
  for (const { name, revision, objects, problems, lastError, committedAt, fetchedAt } of found.sources) {
    const trouble = lastError === undefined ? '' : `; Git: ${escapeText(lastError, 300)}`
    const broken = problems === 0 ? '' : `; ${problems} manifests cannot be used`
    console.log(
      `source ${escapeText(name, 200)} at ${revision.slice(0, 12) || '(not read)'}: ${objects} objects${broken}${age('committed', committedAt)}${age('Git answered', fetchedAt)}${trouble}`,
    )
  }
  for (const { source, message } of found.unfollowed ?? [])
    console.log(`source ${escapeText(source, 200)} cannot be followed: ${escapeText(message, 500)}`)
  const counts = Object.entries(found.objects).map(([name, count]) => `${count} ${name}`)
  console.log(`objects: ${counts.join(', ') || 'none'}`)
  for (const [provider, count] of Object.entries(found.waiting))
    console.log(`chat ${provider}: ${count} waiting`)
  if ((found.deadLetters ?? 0) > 0)
    console.log(`${found.deadLetters} messages were given up: gitops-guard dead-letters lists them`)
  process.stdout.write(formatReadiness(found))
  return 0
}

/** `, committed 3 h ago`. */
function age(what: string, time: string | undefined): string {
  if (time === undefined) return ''
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000))
  if (seconds < 90) return `, ${what} ${seconds} s ago`
  if (seconds < 5400) return `, ${what} ${Math.round(seconds / 60)} min ago`
  return `, ${what} ${seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`} ago`
}
