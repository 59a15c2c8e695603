import type { Readiness } from '../telemetry/condition.ts'
import { formatReadiness } from '../telemetry/condition.ts'
import { escapeText } from '../object/text.ts'
import type { SyncStatus } from '../guard/sync-status.ts'
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
    sync?: SyncStatus
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
  const guards = (await askGuards('/status', options)) as unknown as GuardStatus[]
  const [first] = guards
  if (first === undefined) throw new Error('no guard answers')
  const found = { ...first, sources: withSyncs(guards) }
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
  for (const { name, sync } of found.sources)
    if (sync !== undefined) for (const line of syncLines(name, sync)) console.log(line)
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

/** The sources as the first replica has them, each with what the replica says of it that brings it in. */
function withSyncs([first, ...others]: readonly GuardStatus[]): GuardStatus['sources'] {
  return first!.sources.map((source) => {
    if (source.sync?.state !== 'elsewhere') return source
    const same = others.flatMap(({ sources }) => sources.filter(({ name }) => name === source.name))
    return same.find(({ sync }) => sync !== undefined && sync.state !== 'elsewhere') ?? source
  })
}

/** `sync shop synced at 1a2b3c4d5e6f: 12 of 12 objects applied`, and what is wrong, a line each. */
function syncLines(name: string, { state, applied, objects, ...lists }: SyncStatus): string[] {
  const at = applied === '' ? '' : `, all of ${applied.slice(0, 12)} is there`
  const head = `sync ${escapeText(name, 100)} ${state}: ${objects.applied} of ${objects.declared} objects applied${at}`
  const lines = (['failing', 'unready', 'waiting', 'dropped'] as const).flatMap((what) => [
    ...lists[what].map(({ object, why }) => `  ${what}: ${escapeText(object, 300)}: ${escapeText(why, 500)}`),
    ...(objects[what] > lists[what].length
      ? [`  ${what}: and ${objects[what] - lists[what].length} more`]
      : []),
  ])
  return state === 'elsewhere'
    ? [`sync ${escapeText(name, 100)}: another replica brings it in`]
    : [head, ...lines]
}
