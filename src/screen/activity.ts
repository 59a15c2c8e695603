import type { Violation, ViolationEvent } from '../model/violation.ts'
import { formatRef, groupOf } from '../object/identity.ts'

export interface Activity {
  /** RFC 3339: where the first bucket begins. */
  from: string
  bucketMs: number
  /** For each bucket, how often which event happened. */
  buckets: Partial<Record<ViolationEvent, number>>[]
  total: number
  /** By whom, the busiest first. */
  people: { name: string; count: number }[]
  /** To what, the busiest first. */
  objects: {
    apiVersion: string
    kind: string
    namespace: string
    name: string
    label: string
    count: number
  }[]
}

const BUCKETS = 48
const TOP = 10
/** Names that are counted: whoever makes up names must not fill the memory. */
const NAMES = 10_000

/** Counts violations by time, person and object. */
export async function activityOf(
  violations: AsyncIterable<Violation>,
  { from, to }: { from: number; to: number },
): Promise<Activity> {
  const bucketMs = Math.max(1000, Math.ceil((to - from) / BUCKETS))
  const buckets: Activity['buckets'] = Array.from({ length: BUCKETS }, () => ({}))
  const people = new Map<string, number>()
  const objects = new Map<string, { object: Violation['object']; count: number }>()
  let total = 0
  for await (const { time, event, actor, object } of violations) {
    const bucket = buckets[Math.min(BUCKETS - 1, Math.floor((Date.parse(time) - from) / bucketMs))]
    if (bucket === undefined) continue
    total++
    bucket[event] = (bucket[event] ?? 0) + 1
    const name = actor.username === '' ? 'unknown' : actor.username
    if (people.has(name) || people.size < NAMES) people.set(name, (people.get(name) ?? 0) + 1)
    const key = `${object.apiVersion}\n${object.kind}\n${object.namespace}\n${object.name}`
    const known = objects.get(key)
    if (known !== undefined) known.count++
    else if (objects.size < NAMES) objects.set(key, { object, count: 1 })
  }
  return {
    from: new Date(from).toISOString(),
    bucketMs,
    buckets,
    total,
    people: top([...people].map(([name, count]) => ({ name, count }))),
    objects: top([...objects.values()]).map(({ object, count }) => {
      const { apiVersion, ...rest } = object
      return { ...object, label: formatRef({ group: groupOf(apiVersion), ...rest }), count }
    }),
  }
}

function top<T extends { count: number }>(all: T[]): T[] {
  return all.toSorted((a, b) => b.count - a.count).slice(0, TOP)
}
